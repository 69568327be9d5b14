//! Long tasks: a 303 whose address tells how far the task has come (F5.9). They do nothing.

use serde_json::{Value, json};

use crate::errors;
use crate::gateway::Call;
use crate::reply::Reply;

/// First id of a site's tasks.
const FIRST_ID: usize = 10_001;

/// Starts a task. The address of the answer is the site's, where the token is good for nothing (F5.2, F5.3).
pub(crate) fn start(call: &mut Call<'_>) -> Reply {
    let started = call.site_mut().map(|site| {
        site.tasks.push(0);
        FIRST_ID + site.tasks.len() - 1
    });
    let Some(id) = started else { return gone() };
    let location = format!("{}/rest/api/3/task/{id}", call.base());
    Reply::json(303, &show(call, id, 0)).header("location", &location)
}

/// GET `/task/{id}`: each look finds it further.
pub(crate) fn get(call: &mut Call<'_>) -> Reply {
    let found = call.hole().parse::<usize>().ok().and_then(|id| {
        let looks = call.state.sites.get_mut(call.site)?.tasks.get_mut(id.checked_sub(FIRST_ID)?)?;
        *looks = looks.saturating_add(1);
        Some((id, *looks))
    });
    match found {
        Some((id, looks)) => Reply::json(200, &show(call, id, looks)),
        None => gone(),
    }
}

fn gone() -> Reply {
    errors::jira(404, "The task was not found.")
}

fn show(call: &Call<'_>, id: usize, looks: u8) -> Value {
    let (status, progress) = match looks {
        0 => ("ENQUEUED", 0),
        1 => ("RUNNING", 50),
        _ => ("COMPLETE", 100),
    };
    json!({
        "self": format!("{}/rest/api/3/task/{id}", call.base()), "id": id.to_string(), "status": status,
        "progress": progress,
    })
}
