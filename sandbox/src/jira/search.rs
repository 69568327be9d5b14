//! `search/jql` (F8, shape 3), its count, and the `search` that was removed (F6.7).

use serde_json::{Value, json};

use crate::clock::{DAY, Millis};
use crate::errors;
use crate::gateway::Call;
use crate::jira::data::Position;
use crate::jira::issue::show;
use crate::jql::{Asker, Query};
use crate::mint::base64url;
use crate::reply::Reply;
use crate::settings::LastPageToken;

/// Largest page when nothing but ids and keys is asked for.
const BARE_LIMIT: usize = 5000;
/// Life of a next-page token.
const TOKEN_LIFE: Millis = 7 * DAY;

/// What was asked for, whichever way.
#[derive(Debug, Default)]
struct Asked {
    jql: String,
    max: Option<usize>,
    token: Option<String>,
    fields: Vec<String>,
    reconcile: Vec<u64>,
}

/// GET `/search/jql`
#[must_use]
pub(crate) fn by_query(call: &mut Call<'_>) -> Reply {
    let split = |text: &str| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
    let asked = Asked {
        jql: call.params.get("jql").unwrap_or("").to_owned(),
        max: call.params.number("maxResults"),
        token: call.params.get("nextPageToken").map(str::to_owned),
        fields: call.params.all("fields").flat_map(split).collect(),
        reconcile: call
            .params
            .all("reconcileIssues")
            .flat_map(split)
            .filter_map(|id| id.parse().ok())
            .collect(),
    };
    run(call, asked)
}

/// POST `/search/jql`
#[must_use]
pub(crate) fn by_body(call: &mut Call<'_>) -> Reply {
    let Some(body) = call.request.json().filter(Value::is_object) else {
        return errors::jira(
            400,
            "Invalid request payload. Refer to the REST API documentation and try again.",
        );
    };
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let list = |name: &str| body.get(name).and_then(Value::as_array).into_iter().flatten();
    let asked = Asked {
        jql: text("jql").unwrap_or_default(),
        max: body.get("maxResults").and_then(Value::as_u64).and_then(|max| usize::try_from(max).ok()),
        token: text("nextPageToken"),
        fields: list("fields").filter_map(Value::as_str).map(str::to_owned).collect(),
        reconcile: list("reconcileIssues").filter_map(Value::as_u64).collect(),
    };
    run(call, asked)
}

fn run(call: &mut Call<'_>, mut asked: Asked) -> Reply {
    let now = call.state.clock.now();
    let query = match read(call, &asked.jql, now) {
        Ok(query) => query,
        Err(why) => return errors::jira(400, &why),
    };
    if asked.fields.is_empty() {
        asked.fields.push("id".into());
    }
    let start = match &asked.token {
        None => 0,
        Some(token) => match open_token(call, token, &asked.jql, now) {
            Some(start) => start,
            None => return errors::jira(400, "The provided nextPageToken is invalid or expired."),
        },
    };
    let bare = asked.fields.iter().all(|field| field == "id" || field == "key");
    let limit = call.state.world.settings.page_size_limit.max(1);
    // A lowered limit holds for everything; otherwise bare listings may be long (F8).
    let limit = if bare && limit >= 100 { BARE_LIMIT.max(limit) } else { limit };
    let size = asked.max.unwrap_or(50).clamp(1, limit);
    let mut found = found(call, &query, &asked.reconcile, now, start, size + 1);
    let last = found.len() <= size;
    found.truncate(size);
    let issues: Vec<Value> = found.iter().map(|at| show(call, *at, &asked.fields)).collect();
    let mut body = json!({"issues": issues, "isLast": last});
    let null = last && call.state.world.settings.last_page_token == LastPageToken::Null;
    if let Some(fields) = body.as_object_mut() {
        if !last {
            fields.insert("nextPageToken".into(), json!(make_token(call, start + size, &asked.jql, now)));
        } else if null {
            fields.insert("nextPageToken".into(), Value::Null);
        }
    }
    Reply::json(200, &body)
}

/// The query, read for the site that is called.
fn read(call: &Call<'_>, jql: &str, now: Millis) -> Result<Query, String> {
    let Some(site) = call.site() else { return Err("The site is gone.".into()) };
    Query::read(jql, &Asker { data: &site.data, now, account: &call.caller.account })
}

/// A window of what is found, in the order asked for.
fn found(
    call: &Call<'_>,
    query: &Query,
    reconcile: &[u64],
    now: Millis,
    start: usize,
    size: usize,
) -> Vec<Position> {
    let all = matching(call, query, reconcile, now);
    match call.site().filter(|_| query.is_sorted()) {
        None => all.skip(start).take(size).collect(),
        Some(site) => {
            let mut all: Vec<_> = all.collect();
            query.sort(&site.data, &mut all);
            all.into_iter().skip(start).take(size).collect()
        }
    }
}

/// The issues found. The index lags behind by `search_lag_ms`, except for issues named in `reconcileIssues` (F8).
fn matching<'a>(
    call: &'a Call<'_>,
    query: &'a Query,
    reconcile: &'a [u64],
    now: Millis,
) -> impl Iterator<Item = Position> + 'a {
    let lag = call.state.world.settings.search_lag_ms;
    call.site().into_iter().flat_map(move |site| {
        let data = &site.data;
        data.positions().filter(move |at| {
            let indexed = now - data.created_at(*at) >= lag || reconcile.contains(&data.id(*at));
            indexed && query.matches(data, *at)
        })
    })
}

/// POST `/search/approximate-count`
#[must_use]
pub(crate) fn count(call: &mut Call<'_>) -> Reply {
    let body = call.request.json().unwrap_or(Value::Null);
    let now = call.state.clock.now();
    match read(call, body.get("jql").and_then(Value::as_str).unwrap_or(""), now) {
        Ok(query) => {
            let count = matching(call, &query, &[], now).count();
            Reply::json(200, &json!({"count": count}))
        }
        Err(why) => errors::jira(400, &why),
    }
}

/// `/search` was removed for good (F6.7).
#[must_use]
pub(crate) fn removed(_: &mut Call<'_>) -> Reply {
    errors::jira(
        410,
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration \
         guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046",
    )
}

/// A token that belongs to one query on one site, and shows nothing of its content.
fn make_token(call: &Call<'_>, start: usize, jql: &str, now: Millis) -> String {
    let text = format!("{start}.{now}");
    let seal = seal(call, &text, jql);
    base64url(format!("{text}.{seal}").as_bytes())
}

fn open_token(call: &Call<'_>, token: &str, jql: &str, now: Millis) -> Option<usize> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (text, sealed) = text.rsplit_once('.')?;
    let (start, issued) = text.split_once('.')?;
    let age = now - issued.parse::<Millis>().ok()?;
    (sealed == seal(call, text, jql) && age < TOKEN_LIFE).then_some(start.parse().ok()?)
}

fn seal(call: &Call<'_>, text: &str, jql: &str) -> String {
    base64url(&call.state.mint.keyed(format!("{text} {} {jql}", call.site).as_bytes()))
}
