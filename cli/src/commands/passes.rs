//! Commands that go through all connections and show how far they are: `threelo keep-alive` and `threelo rekey`.

use std::future::Future;

use threelo_core::{Client, Error, EventKind, KeepAliveOptions, RekeyOptions};

use crate::args::KeepAlive;
use crate::output::{FAILED, Ink, LATER, Output, RECONNECT, moment, table};
use crate::{Failure, Outcome};

pub(super) async fn keep_alive(client: &Client, output: &Output, asked: &KeepAlive) -> Outcome {
    let mut options = KeepAliveOptions::default();
    if let Some(days) = asked.idle_days {
        options.idle_days = days;
    }
    if let Some(concurrency) = asked.concurrency {
        options.concurrency = concurrency;
    }
    let report = shown(client, output, "grants kept alive", client.keep_alive(options)).await?;
    output.data(&report, || {
        let mut lines = vec![format!("{} rotated, {} failed for now", report.rotated, report.failed)];
        if !report.attention.is_empty() {
            let rows = report.attention.iter().map(|one| {
                let by = one.reconnect_by.map_or_else(|| "has ended".to_owned(), moment);
                vec![one.connection_id.clone(), one.reason.clone(), by]
            });
            lines.push(table(&["NEEDS A PERSON", "REASON", "RECONNECT BY"], &rows.collect::<Vec<_>>()));
        }
        lines.join("\n")
    });
    // For whoever runs it from cron: a person is needed, or another pass.
    match report {
        _ if !report.attention.is_empty() => Err(Failure::Found(RECONNECT)),
        _ if report.failed > 0 => Err(Failure::Found(LATER)),
        _ => Ok(()),
    }
}

pub(super) async fn rekey(client: &Client, output: &Output) -> Outcome {
    let report = shown(client, output, "grants looked at", client.rekey(RekeyOptions::default())).await?;
    output.data(&report, || {
        let moved = format!("{} grants and {} open consents moved to the first key", report.grants, report.sessions);
        if report.complete {
            let done = output.ink(Ink::Good, "complete");
            return format!("{moved}\n{done}: the other keys can be taken out of THREELO_ENCRYPTION_KEY everywhere");
        }
        let not = output.ink(Ink::Warn, "not complete");
        let next = if report.left > 0 {
            format!("{} rows are in use, or sealed with a key that is not among those given", report.left)
        } else {
            "others still seal with another key".to_owned()
        };
        format!("{moved}\n{not}: {next}\n  next: keep the other keys, see that every process has the first one first, and run this again in an hour")
    });
    if report.complete { Ok(()) } else { Err(Failure::Found(FAILED)) }
}

/// Waits for a pass, and shows a terminal how far it is.
async fn shown<T>(
    client: &Client,
    output: &Output,
    what: &'static str,
    pass: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let bar = output.progress(None, what);
    let mut events = client.events();
    let telling = async {
        while let Some(event) = events.next().await {
            if event.kind == EventKind::Progress {
                bar.set_position(
                    event.details.get("done").and_then(|done| done.as_u64()).unwrap_or_default(),
                );
            }
        }
        std::future::pending::<()>().await;
    };
    let done = tokio::select! {
        done = pass => done,
        () = telling => Err(Error::new(threelo_core::Code::Internal, "the events ended before the pass")),
    };
    bar.finish_and_clear();
    done
}
