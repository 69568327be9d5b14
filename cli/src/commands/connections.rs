//! Looking at connections and looking after them.

use threelo_core::{Client, Connection, ConnectionStatus, ConnectionsOptions, SelectSiteOptions, Tags};

use crate::args::{List, SelectSite};
use crate::output::{Ink, Output, moment, table};
use crate::{Failure, Outcome};

pub(super) async fn sites(client: &Client, output: &Output, id: &str) -> Outcome {
    let sites = client.sites(id).await?;
    output.data(&sites, || {
        let rows: Vec<_> = sites
            .iter()
            .map(|site| vec![site.name.clone(), site.url.clone(), site.cloud_id.clone()])
            .collect();
        table(&["NAME", "URL", "CLOUD ID"], &rows)
    });
    Ok(())
}

pub(super) async fn select_site(client: &Client, output: &Output, asked: &SelectSite) -> Outcome {
    let options = SelectSiteOptions { id: asked.id.clone(), site: asked.site.clone(), timeout: None };
    tell(output, &client.select_site(options).await?);
    Ok(())
}

pub(super) async fn refresh(client: &Client, output: &Output, id: &str) -> Outcome {
    let connection = client.refresh(id).await?;
    output.data(&connection, || {
        format!(
            "{id} has its {}. pair of tokens, issued {}",
            connection.generation,
            moment(connection.refreshed_at)
        )
    });
    Ok(())
}

pub(super) async fn disconnect(client: &Client, output: &Output, id: &str) -> Outcome {
    client.disconnect(id).await?;
    output.data(&serde_json::json!({ "disconnected": id }), || format!("{id} is removed"));
    Ok(())
}

pub(super) async fn list(client: &Client, output: &Output, asked: &List) -> Outcome {
    let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let tags = asked.tags.iter().map(pair).collect::<Option<Tags>>();
    let tags = tags.ok_or_else(|| Failure::Usage("--tag must read NAME=VALUE".to_owned()))?;
    let mut cursor = None;
    let mut rows = Vec::new();
    loop {
        let options = ConnectionsOptions { tags: Some(tags.clone()), cursor, timeout: None };
        let page = client.connections(options).await?;
        for connection in &page.items {
            if output.json {
                // One per line, as they come: a store may hold a million.
                output.data(connection, String::new);
            } else {
                rows.push(vec![
                    connection.id.clone(),
                    connection.site.as_ref().map_or_else(|| "no site".to_owned(), |site| site.url.clone()),
                    health(output, connection),
                    moment(connection.refreshed_at),
                ]);
            }
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    if !output.json {
        output.line(table(&["ID", "SITE", "HEALTH", "LAST ROTATION"], &rows));
    }
    Ok(())
}

pub(super) async fn show(client: &Client, output: &Output, id: &str) -> Outcome {
    tell(output, &client.connection(id).await?);
    Ok(())
}

/// Everything there is to know about one connection.
pub(super) fn tell(output: &Output, connection: &Connection) {
    output.data(connection, || {
        let site = connection.site.as_ref().map_or_else(
            || "none yet: `threelo select-site` chooses one".to_owned(),
            |site| format!("{} ({}, {})", site.name, site.url, site.cloud_id),
        );
        let mut rows = vec![
            ("connection", output.ink(Ink::Bold, &connection.id)),
            ("site", site),
            ("health", health(output, connection)),
            ("account", connection.account_id.clone().unwrap_or_else(|| "not known".to_owned())),
            ("scopes", connection.scopes.join(" ")),
            ("first connected", moment(connection.created_at)),
            ("last consent", moment(connection.consented_at)),
            ("last rotation", format!("{}, pair {}", moment(connection.refreshed_at), connection.generation)),
            ("access until", moment(connection.access_expires_at)),
        ];
        if let Some(by) = connection.reconnect_by {
            rows.push(("reconnect by", moment(by)));
        }
        if !connection.tags.is_empty() {
            let tags: Vec<_> =
                connection.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
            rows.push(("tags", tags.join(" ")));
        }
        let mut lines: Vec<_> = rows.iter().map(|(name, value)| format!("{name:<16} {value}")).collect();
        let ledger = connection.ledger.iter().flatten();
        for (at, entry) in ledger.enumerate() {
            let name = if at == 0 { "ledger" } else { "" };
            let (when, worker) = (moment(entry.at), output.ink(Ink::Faint, &entry.worker));
            lines
                .push(format!("{name:<16} {when}  pair {:<4} {}  {worker}", entry.generation, entry.outcome));
        }
        lines.join("\n")
    });
}

fn health(output: &Output, connection: &Connection) -> String {
    let (ink, text) = match connection.health {
        ConnectionStatus::Active => (Ink::Good, "active"),
        ConnectionStatus::Attention => (Ink::Warn, "attention"),
        ConnectionStatus::ReauthorizationRequired => (Ink::Bad, "reconnect"),
    };
    let reason = connection.health_reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{}{reason}", output.ink(ink, text))
}
