//! `myself` and `users/search`.

use serde_json::{Value, json};

use crate::errors;
use crate::gateway::Call;
use crate::jira::paging::Window;
use crate::reply::Reply;
use crate::settings::Myself;
use crate::world::Account;

/// How Jira shows a person. A client may not rely on the address: privacy settings hide it (F4.8).
#[must_use]
pub(crate) fn user(account: &Account, base: &str) -> Value {
    json!({
        "self": format!("{base}/rest/api/3/user?accountId={}", account.id),
        "accountId": account.id, "accountType": "atlassian", "emailAddress": account.email,
        "displayName": account.display_name, "active": true, "timeZone": "Europe/London", "locale": "en_GB",
    })
}

/// GET `/myself`
#[must_use]
pub(crate) fn myself(call: &mut Call<'_>) -> Reply {
    if call.state.world.settings.myself == Myself::Forbidden {
        return errors::jira(403, "You do not have permission to do this.");
    }
    match call.state.account(&call.caller.account) {
        Some(account) => Reply::json(200, &user(account, &call.base())),
        None => errors::unauthorized(),
    }
}

/// GET `/mypermissions`: those that are asked for, by their keys.
#[must_use]
pub(crate) fn permissions(call: &mut Call<'_>) -> Reply {
    let params = call.request.params();
    let Some(asked) = params.get("permissions") else {
        return errors::jira(400, "The permissions parameter is missing.");
    };
    let lacking = &call.state.world.settings.permissions_lacking;
    let told = asked.split(',').map(str::trim).map(|key| {
        let had = !lacking.iter().any(|lacking| lacking == key);
        (key.to_owned(), json!({ "key": key, "name": key, "type": "PROJECT", "havePermission": had }))
    });
    Reply::json(200, &json!({ "permissions": told.collect::<serde_json::Map<_, _>>() }))
}

/// GET `/users/search` (F8, shape 5): a plain array.
#[must_use]
pub(crate) fn search(call: &mut Call<'_>) -> Reply {
    let base = call.base();
    let window = Window::of(call, 50);
    let users = window.cut(call.state.world.accounts.iter().map(|account| user(account, &base)));
    Reply::json(200, &Value::Array(users))
}
