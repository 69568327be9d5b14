//! What must hold for any input, for the fuzzer in `fuzz/` and for the test that replays its seeds.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use tokio::time::Instant;
use url::Url;

use super::governor::{Governor, Route};
use super::{Destination, params, prepared, retry_after, target};
use crate::atlassian::diagnosis::{Asked, explain};
use crate::atlassian::rate_limits;
use crate::event::Events;
use crate::records::Product;

const CLOUD: &str = "11111111-2222-3333-4444-555555555555";

/// A path, and on its second line a parameter: whatever is accepted leads below the connection's own site, and says so
/// in the same way to every reader of URLs.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, parameter) = text.split_once('\n').unwrap_or((text, ""));
    let destination = Destination::at_acme(&BTreeMap::new(), CLOUD);
    let Ok(target) = target::resolve(&destination, path) else { return };
    let mut given = serde_json::Map::new();
    given.insert(parameter.to_owned(), vec![parameter, "a&b=c"].into());
    let query = params::query(target.query, Some(&given)).ok().flatten().unwrap_or_default();
    let text = &prepared::whole(&target.url, Some(&query));
    let read = Url::parse(text);
    assert!(read.as_ref().is_ok_and(|url| url.as_str() == text), "{text} is changed by who reads it");
    let Ok(url) = read else { return };
    assert!(text.len() > 60_000 || text.parse::<Uri>().is_ok(), "{text} cannot be written into a request");
    assert!(text.starts_with("https://api.atlassian.com/ex/"), "{text}");
    assert!(url.path().split('/').nth(3) == Some(CLOUD), "{text}");
    assert!(!target::leads_up(url.path()), "{text} leads upwards for somebody who decodes it");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{text}");
    assert!(url.query() == Some(&*query), "{text} does not keep {query}");
    let values = url.query_pairs().filter(|(_, value)| value == "a&b=c").count();
    assert!(values >= 1, "{text} lost a parameter");
}

/// A status in the first byte, then the body: what it says can be shown.
pub fn error_body(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let statuses = [400, 401, 403, 404, 409, 410, 429, 500, 503];
    let status = statuses.iter().cycle().nth(usize::from(*choice)).copied().unwrap_or(400);
    let granted = ["read:jira-work".to_owned()];
    let asked =
        Asked { method: "GET", path: "/rest/api/3/search", writes: choice % 2 == 0, granted: &granted };
    let mut headers = HeaderMap::new();
    if choice % 3 == 0 {
        headers.insert("content-type", HeaderValue::from_static("text/html"));
    }
    let found = explain(&asked, status, &headers, body);
    let messages = found.details.iter().filter(|(name, _)| *name == "messages");
    let shown: Vec<&str> =
        messages.filter_map(|(_, list)| list.as_array()).flatten().filter_map(|one| one.as_str()).collect();
    assert!(shown.len() <= 10, "{} messages", shown.len());
    for message in shown.into_iter().chain([found.text.as_str()]) {
        assert!(!message.chars().any(char::is_control), "{message:?}");
        assert!(message.chars().count() <= 6_000, "{} characters", message.chars().count());
        // What was cut short ends in dots of ours, and what is followed by another message in a semicolon.
        let token = |word: &str| {
            let word = word.trim_end_matches(['…', ';']);
            word.find("eyJ").is_some_and(|at| word.len() - at > 20)
        };
        assert!(!message.split_whitespace().any(token), "{message:?}");
    }
}

/// Headers, one on each line: no answer stops calls for longer than the longest quota, or keeps anything unbounded.
pub fn headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(50) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    const NOON_MS: u64 = 1_790_000_000_000;
    for status in [200, 429, 503] {
        let wait = retry_after::wait(status, &headers, NOON_MS);
        let told = rate_limits::read(status, &headers, wait);
        assert!(told.limited.is_some() == (status == 429));
        assert!(told.budgets.iter().all(|budget| budget.name.chars().count() <= 501));
        let route = Route::from_parts("user-42", Product::Jira, CLOUD, Method::GET, "/rest/api/3/myself");
        let governor = Governor::default();
        governor.learn(&route, status, &headers, wait, Instant::now(), &Events::default());
        let limits = governor.rate_limits(CLOUD, NOON_MS);
        let longest = NOON_MS + 2 * u64::try_from(Duration::from_secs(3700).as_millis()).unwrap_or(0);
        assert!(limits.iter().all(|limit| limit.paused_until.is_none_or(|until| until < longest)));
    }
}
