//! `serverInfo`.

use serde_json::json;

use crate::clock::jira_date;
use crate::gateway::Call;
use crate::reply::Reply;

/// GET `/serverInfo`
#[must_use]
pub(crate) fn get(call: &mut Call<'_>) -> Reply {
    let now = jira_date(call.state.clock.now());
    let body = json!({
        "baseUrl": call.base(), "version": "1001.0.0-SNAPSHOT", "versionNumbers": [1001, 0, 0], "deploymentType": "Cloud",
        "serverTime": now, "serverTitle": "Jira",
    });
    Reply::json(200, &body)
}
