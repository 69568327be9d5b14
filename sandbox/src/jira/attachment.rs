//! Attachments: uploaded as multipart, downloaded through a redirect to a signed address on another host (F5.7, F5.8).

use bytes::Bytes;
use serde_json::{Value, json};

use crate::clock::{Millis, SECOND, jira_date};
use crate::errors;
use crate::gateway::Call;
use crate::jira::data::Attachment;
use crate::jira::issue::{missing, position};
use crate::jira::people::user;
use crate::mint::{base64url, uuid};
use crate::multipart;
use crate::reply::{Reply, Request};
use crate::settings::MediaAuthorization;
use crate::state::State;

/// More files than this in one request are refused (F5.8).
const MOST_FILES: usize = 60;
/// Life of a signed address.
const SIGNED_FOR: Millis = 600 * SECOND;

/// POST `/issue/{key}/attachments`
pub(crate) fn upload(call: &mut Call<'_>) -> Reply {
    // Browsers cannot set this header across sites: it proves that no form made the request.
    if call.request.header("x-atlassian-token") != Some("no-check") {
        return Reply::with_body(403, "text/html;charset=UTF-8", "XSRF check failed");
    }
    let Some(at) = position(call) else { return missing() };
    let kind = call.request.header("content-type").unwrap_or("");
    let Some(parts) = multipart::read(kind, &call.request.body) else {
        return errors::spring(415, "Unsupported Media Type", &call.request.path, call.state.clock.now());
    };
    let files: Vec<_> = parts.into_iter().filter(|part| part.name == "file").collect();
    if files.len() > MOST_FILES {
        return errors::jira(413, "The number of files is larger than the maximum of 60.");
    }
    if files.is_empty() {
        return errors::jira(400, "There is no part named file.");
    }
    let (author, now) = (call.caller.account.clone(), call.state.clock.now());
    let mut made = Vec::new();
    for file in files {
        let attachment = call.site_mut().map(|site| site.data.attach(at, &author, file, now));
        made.extend(attachment.map(|one| show(call, &one)));
    }
    Reply::json(200, &Value::Array(made))
}

/// GET `/attachment/{id}`
pub(crate) fn get(call: &mut Call<'_>) -> Reply {
    match find(call) {
        Some(attachment) => Reply::json(200, &show(call, &attachment)),
        None => gone(),
    }
}

/// GET `/attachment/content/{id}` and `/attachment/thumbnail/{id}`
pub(crate) fn content(call: &mut Call<'_>) -> Reply {
    let Some(attachment) = find(call) else { return gone() };
    if call.params.get("redirect") == Some("false") {
        return bytes(call.request, &attachment);
    }
    let now = call.state.clock.now();
    let Some(site) = call.site() else { return gone() };
    let file = uuid(attachment.id, &site.config.cloud_id);
    let until = now + SIGNED_FOR;
    let token = format!("{}.{}.{until}.{}", call.site, attachment.id, seal(call.state, &file, until));
    let signed =
        format!("{}/file/{file}/binary?token={token}&name={}", call.state.media, encoded(&attachment.name));
    Reply::empty(call.state.world.settings.media_redirect).header("location", &signed)
}

/// The media host: `/file/{uuid}/binary`. The address alone is enough; an access token has no business here.
pub(crate) fn media(state: &State, request: &Request) -> Reply {
    if request.headers.contains_key("authorization")
        && state.world.settings.media_authorization == MediaAuthorization::Forbidden
    {
        return errors::spring(403, "Forbidden", &request.path, state.clock.now())
            .outcome("forbidden")
            .reason("authorization sent");
    }
    match signed(state, request) {
        Some(attachment) => bytes(request, &attachment).outcome("ok"),
        None => errors::spring(401, "Unauthorized", &request.path, state.clock.now()).outcome("bad_token"),
    }
}

fn signed(state: &State, request: &Request) -> Option<Attachment> {
    let segments = request.segments();
    let [folder, file, kind] = segments.as_slice() else { return None };
    let params = request.params();
    let mut parts = params.get("token")?.splitn(4, '.');
    let (site, id) = (parts.next()?.parse::<usize>().ok()?, parts.next()?.parse::<u64>().ok()?);
    let (until, sealed) = (parts.next()?.parse::<Millis>().ok()?, parts.next()?);
    let site = state.sites.get(site)?;
    let good = folder == "file"
        && kind == "binary"
        && sealed == seal(state, file, until)
        && *file == uuid(id, &site.config.cloud_id)
        && state.clock.now() < until;
    site.data.attachments.iter().find(|one| good && one.id == id).cloned()
}

fn seal(state: &State, file: &str, until: Millis) -> String {
    base64url(&state.mint.keyed(format!("media {file} {until}").as_bytes()))
}

/// The content, or a range of it.
fn bytes(request: &Request, attachment: &Attachment) -> Reply {
    let all = &attachment.content;
    let reply = |status: u16, part: Bytes| {
        Reply::with_body(status, &attachment.kind, part).header("accept-ranges", "bytes").header(
            "content-disposition",
            &format!("attachment; filename*=UTF-8''{}", encoded(&attachment.name)),
        )
    };
    let Some(range) = request.header("range") else { return reply(200, all.clone()) };
    match range_of(range, all.len()) {
        Some((from, to)) => reply(206, all.slice(from..to))
            .header("content-range", &format!("bytes {from}-{}/{}", to - 1, all.len())),
        None => Reply::empty(416).header("content-range", &format!("bytes */{}", all.len())),
    }
}

/// `bytes=1-2`, `bytes=1-`, `bytes=-2`: the first byte and the one after the last.
fn range_of(range: &str, len: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) => (from, to.saturating_add(1).min(len)),
        (Ok(from), Err(_)) => (from, len),
        (Err(_), Ok(last)) => (len.saturating_sub(last), len),
        (Err(_), Err(_)) => return None,
    };
    (from < to).then_some((from, to))
}

fn find(call: &Call<'_>) -> Option<Attachment> {
    let id: u64 = call.hole().parse().ok()?;
    call.site()?.data.attachments.iter().find(|one| one.id == id).cloned()
}

fn gone() -> Reply {
    errors::jira(404, "The attachment was not found.")
}

fn show(call: &Call<'_>, attachment: &Attachment) -> Value {
    let base = call.base();
    json!({
        "self": format!("{base}/rest/api/3/attachment/{}", attachment.id), "id": attachment.id.to_string(),
        "filename": attachment.name, "mimeType": attachment.kind, "size": attachment.content.len(),
        "created": jira_date(attachment.at),
        "author": call.state.account(&attachment.author).map(|account| user(account, &base)),
        "content": format!("{base}/rest/api/3/attachment/content/{}", attachment.id),
    })
}

fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_content_or_refused() {
        assert_eq!(range_of("bytes=1-2", 10), Some((1, 3)));
        assert_eq!(range_of("bytes=8-99", 10), Some((8, 10)));
        assert_eq!(range_of("bytes=5-", 10), Some((5, 10)));
        assert_eq!(range_of("bytes=-3", 10), Some((7, 10)));
        assert_eq!(range_of("bytes=10-", 10), None);
        assert_eq!(range_of("lines=1-2", 10), None);
    }
}
