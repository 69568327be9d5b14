//! `threelo sandbox`: the bundled little Atlassian, until Ctrl-C.

use std::io;

use serde_json::json;
use threelo_sandbox::settings::DateHeader;
use threelo_sandbox::world::{Account, PastConsent, Product};
use threelo_sandbox::{Fault, World};

use crate::args::Sandbox;
use crate::output::{Ink, Output};
use crate::{Failure, Outcome};

pub(super) async fn run(asked: &Sandbox, output: &Output) -> Outcome {
    let world = world(asked)?;
    let app = world.apps.first().cloned().ok_or_else(|| Failure::Usage("the world has no app".to_owned()))?;
    let running = threelo_sandbox::start(world, asked.port).await.map_err(|error| {
        // What it says of a world that cannot be, such as a fault that makes no sense, says where.
        if error.kind() == io::ErrorKind::InvalidInput {
            return Failure::Usage(error.to_string());
        }
        Failure::Io(format!("serving on port {}", asked.port), error)
    })?;
    let (url, page) = (running.url().to_owned(), running.page());
    let told = json!({
        "url": url, "page": page, "client_id": app.client_id, "client_secret": app.client_secret, "redirect_uri": asked.callback,
    });
    output.data(&told, || {
        format!(
            "A little Atlassian is at {}\nWhat it sees, live: {page}\n\nIn another terminal:\n\
             export THREELO_CLIENT_ID={} THREELO_CLIENT_SECRET={}\n\
             export THREELO_REDIRECT_URI={} THREELO_ENDPOINTS=auth={url},api={url}\n\
             export THREELO_SCOPES=read:jira-work,write:jira-work,read:jira-user\n\
             threelo connect me && threelo request me /rest/api/3/myself\n\nCtrl-C ends it.",
            output.ink(Ink::Bold, &url),
            app.client_id,
            app.client_secret,
            asked.callback,
        )
    });
    // Ctrl-C ends the command, and the sandbox with it.
    std::future::pending::<()>().await;
    Ok(())
}

fn world(asked: &Sandbox) -> Outcome<World> {
    let mut world = match &asked.world {
        None => World::default(),
        Some(file) => {
            let shown = file.display();
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::Io(format!("reading the world in {shown}"), error))?;
            serde_json::from_str(&text)
                .map_err(|error| Failure::Usage(format!("the world in {shown}: {error}")))?
        }
    };
    if let Some(seed) = asked.seed {
        world.seed = seed;
    }
    if let Some(second) = asked.stopped_at {
        world.stopped_at = Some(second);
        // Otherwise the headers would still tell the time of day.
        world.settings.date_header = DateHeader::Sandbox;
    }
    for told in &asked.faults {
        world.faults.extend(faults(told)?);
    }
    for app in &mut world.apps {
        if !app.redirect_uris.contains(&asked.callback) {
            app.redirect_uris.push(asked.callback.clone());
        }
    }
    if let Some(sites) = asked.sites {
        if sites == 0 {
            return Err(Failure::Usage("--sites must be at least 1".to_owned()));
        }
        world.sites.retain(|site| site.products.contains(&Product::Jira));
        // The site that the documentation speaks of is there however few there are.
        world.sites.sort_by_key(|site| site.subdomain != "acme");
        let Some(model) = world.sites.first().cloned() else { return Ok(world) };
        world.sites.truncate(sites);
        for number in world.sites.len() + 1..=sites {
            let subdomain = format!("site-{number}");
            let name = format!("Site {number}");
            let fresh = threelo_sandbox::world::Site {
                subdomain,
                name,
                cloud_id: String::new(),
                url: String::new(),
                ..model.clone()
            };
            world.sites.push(fresh);
        }
        // A consent picks one site per run (F1.8); earlier ones are what lets it reach all of them.
        let names: Vec<String> = world.sites.iter().map(|site| site.subdomain.clone()).collect();
        let past = |account: &Account| PastConsent {
            client_id: String::new(),
            account: account.name.clone(),
            sites: names.clone(),
            scopes: None,
        };
        world.consents = world.accounts.iter().map(past).collect();
    }
    if let Some(issues) = asked.issues {
        for site in &mut world.sites {
            site.issues = issues;
        }
    }
    Ok(world)
}

/// One fault or a list of them, from a file or as they stand there.
fn faults(told: &str) -> Outcome<Vec<Fault>> {
    let inline = told.trim_start().starts_with(['{', '[']);
    let (place, text) = if inline {
        ("--faults".to_owned(), told.to_owned())
    } else {
        let text = std::fs::read_to_string(told)
            .map_err(|error| Failure::Io(format!("reading the faults in {told}"), error))?;
        (format!("the faults in {told}"), text)
    };
    let wrong = |error: serde_json::Error| {
        let shape = r#"{"path": "/oauth/token", "kind": {"reset": "after"}}, or a list of such"#;
        Failure::Usage(format!("{place}: {error}; expected {shape}"))
    };
    let one = text.trim_start().starts_with('{');
    if one { serde_json::from_str(&text).map(|fault| vec![fault]) } else { serde_json::from_str(&text) }
        .map_err(wrong)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_world_has_as_many_sites_and_issues_as_asked_for() {
        for sites in [1, 3, 40] {
            let asked = Sandbox {
                port: 0,
                world: None,
                seed: None,
                stopped_at: None,
                sites: Some(sites),
                issues: Some(5),
                faults: Vec::new(),
                callback: "http://localhost:3000/x".into(),
            };
            let Ok(world) = world(&asked) else { panic!() };
            assert_eq!(world.sites.len(), sites);
            assert_eq!(world.sites[0].subdomain, "acme");
            assert!(world.sites.iter().all(|site| site.issues == 5));
            assert!(world.apps[0].redirect_uris.contains(&asked.callback));
        }
    }

    #[test]
    fn faults_are_read_from_a_file_or_as_they_stand_there_and_mistakes_are_named() {
        let one = r#"{"path": "/me", "kind": {"html": 502}, "times": 0}"#;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("[{one}, {one}]")).unwrap();
        let read = |told: &str| faults(told).unwrap_or_else(|_| panic!());
        assert_eq!(read(one).len(), 1);
        assert_eq!(read(file.path().to_str().unwrap()), [read(one), read(one)].concat());
        let Err(Failure::Usage(told)) = faults(r#"{"path": "/me", "knd": 1}"#) else { panic!() };
        assert!(told.contains("knd") && told.contains("expected"), "{told}");
        assert!(matches!(faults("absent.json"), Err(Failure::Io(..))));
    }
}
