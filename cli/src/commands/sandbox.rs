//! `threelo sandbox`: the bundled little Atlassian, until Ctrl-C.

use serde_json::json;
use threelo_sandbox::World;
use threelo_sandbox::world::Product;

use crate::args::Sandbox;
use crate::output::{Ink, Output};
use crate::{Failure, Outcome};

pub(super) async fn run(asked: &Sandbox, output: &Output) -> Outcome {
    let world = world(asked)?;
    let app = world.apps.first().cloned().ok_or_else(|| Failure::Usage("the world has no app".to_owned()))?;
    let running = threelo_sandbox::start(world, asked.port)
        .await
        .map_err(|error| Failure::Io(format!("serving on port {}", asked.port), error))?;
    let url = running.url().to_owned();
    let told = json!({
        "url": url, "client_id": app.client_id, "client_secret": app.client_secret, "redirect_uri": asked.callback,
    });
    output.data(&told, || {
        format!(
            "A little Atlassian is at {}\n\nIn another terminal:\n\
             export THREELO_CLIENT_ID={} THREELO_CLIENT_SECRET={}\n\
             export THREELO_REDIRECT_URI={} THREELO_ENDPOINTS=auth={url},api={url}\n\
             export THREELO_SCOPES=read:jira-work,read:jira-user\n\
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
    let mut world = World::default();
    if let Some(seed) = asked.seed {
        world.seed = seed;
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
    }
    if let Some(issues) = asked.issues {
        for site in &mut world.sites {
            site.issues = issues;
        }
    }
    Ok(world)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_has_as_many_sites_and_issues_as_asked_for() {
        for sites in [1, 3, 40] {
            let asked = Sandbox {
                port: 0,
                seed: None,
                sites: Some(sites),
                issues: Some(5),
                callback: "http://localhost:3000/x".into(),
            };
            let Ok(world) = world(&asked) else { panic!() };
            assert_eq!(world.sites.len(), sites);
            assert!(world.sites.iter().all(|site| site.issues == 5));
            assert!(world.apps[0].redirect_uris.contains(&asked.callback));
        }
    }
}
