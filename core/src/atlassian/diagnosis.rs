//! What an error answer of the gateway or of a product says: one reader for all families of bodies (F6.1).

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::error::Code;

/// At most this many messages of this many characters leave an answer.
const MOST_MESSAGES: usize = 10;
const LONGEST_MESSAGE: usize = 500;

/// What an error status with this body means.
pub(crate) fn code(status: u16, headers: &HeaderMap, body: &[u8]) -> Code {
    match status {
        401 if is_scope_failure(headers, body) => Code::MissingScope,
        403 if is_not_installed(body) => Code::AppNotInstalled,
        403 => Code::PermissionDenied,
        410 => Code::EndpointRemoved,
        429 => Code::RateLimited,
        _ => Code::HttpError,
    }
}

/// Whether a 401 complains about a scope and not about the token (F6.2).
pub(crate) fn is_scope_failure(headers: &HeaderMap, body: &[u8]) -> bool {
    let category =
        headers.get("x-failure-category").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Atlassian writes these categories with underscores or with spaces (F6.1).
    category.replace(' ', "_").eq_ignore_ascii_case("FAILURE_CLIENT_SCOPE_CHECK")
        || said(body).iter().any(|message| message.to_ascii_lowercase().contains("scope does not match"))
}

/// Whether a 403 says that the grant no longer covers the site or the product (F6.5).
fn is_not_installed(body: &[u8]) -> bool {
    let said = said(body);
    said.iter().any(|message| message.to_ascii_lowercase().contains("app is not installed on this instance"))
}

/// The messages of an error answer, cleaned of what must not be shown. A page of HTML is its title at most.
pub(crate) fn messages(headers: &HeaderMap, body: &[u8]) -> Vec<String> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = if kind.contains("html") || body.trim_ascii_start().starts_with(b"<") {
        title(body).into_iter().collect()
    } else {
        said(body)
    };
    found.iter().map(|text| clean(text)).filter(|text| !text.is_empty()).take(MOST_MESSAGES).collect()
}

/// What a JSON body says, in whichever of the families it is written.
fn said(body: &[u8]) -> Vec<String> {
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    // (b) Jira's ErrorCollection; Jira Service Management has a single errorMessage.
    if let Some(Value::Array(all)) = body.get("errorMessages") {
        found.extend(all.iter().filter_map(|one| text(Some(one)).map(str::to_owned)));
    }
    found.extend(text(body.get("errorMessage")).map(str::to_owned));
    match body.get("errors") {
        Some(Value::Object(fields)) => {
            found.extend(fields.iter().map(|(field, problem)| match problem.as_str() {
                Some(problem) => format!("{field}: {problem}"),
                None => format!("{field}: {problem}"),
            }))
        }
        // Confluence's v2 API lists objects with a title and perhaps a detail.
        Some(Value::Array(all)) => found.extend(all.iter().filter_map(|one| {
            let title =
                text(one.get("title")).or_else(|| text(one.get("message"))).or_else(|| text(Some(one)));
            match (title, text(one.get("detail"))) {
                (Some(title), Some(detail)) => Some(format!("{title}: {detail}")),
                (one, other) => one.or(other).map(str::to_owned),
            }
        })),
        _ => {}
    }
    // (a) the gateway's, (c) Spring's, (d) OAuth's.
    let message = text(body.get("message")).filter(|message| *message != "No message available");
    let error = text(body.get("error"));
    match (error, text(body.get("error_description"))) {
        (Some(error), Some(description)) => found.push(format!("{error}: {description}")),
        (error, _) => found.extend(message.or(error).map(str::to_owned)),
    }
    found
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn title(body: &[u8]) -> Option<String> {
    // Titles stand near the top; a large page need not be read.
    let head = String::from_utf8_lossy(body.get(..16_384).unwrap_or(body)).into_owned();
    let lower = head.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower.get(open..)?.find('>')? + 1;
    let end = start + lower.get(start..)?.find("</title")?;
    head.get(start..end).map(str::to_owned)
}

/// One line without control characters, without what follows a URL's `?` (media URLs are signed there: F5.7), and
/// without anything that looks like a token.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let word = match word.find("://").and_then(|at| word.get(at..)?.find('?').map(|query| at + query)) {
            Some(query) => format!("{}?…", word.get(..query).unwrap_or_default()),
            None => word.to_owned(),
        };
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        // A JSON web token begins with an encoded `{"`.
        match word.find("eyJ") {
            Some(at) if word.len() - at > 20 => {
                cleaned.push_str(word.get(..at).unwrap_or_default());
                cleaned.push('…');
            }
            _ => cleaned.push_str(&word),
        }
    }
    match cleaned.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", cleaned.get(..end).unwrap_or_default()),
        None => cleaned,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(body: &str) -> Vec<String> {
        messages(&HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn every_family_of_bodies_is_understood() {
        for (body, expected) in [
            (r#"{"code":403,"message":"Forbidden"}"#, vec!["Forbidden"]),
            (
                r#"{"errorMessages":["Issue does not exist"],"errors":{"project":"is required","n":{"a":1}},"status":400}"#,
                vec!["Issue does not exist", "project: is required", "n: {\"a\":1}"],
            ),
            (
                r#"{"timestamp":"2026","status":404,"error":"Not Found","message":"No message available","path":"/x"}"#,
                vec!["Not Found"],
            ),
            (r#"{"status":404,"error":"Not Found","message":"no such tenant"}"#, vec!["no such tenant"]),
            (
                r#"{"error":"invalid_grant","error_description":"Unknown token"}"#,
                vec!["invalid_grant: Unknown token"],
            ),
            (
                "<!DOCTYPE html><html><head><TITLE>\n Page\n unavailable </TITLE></head><p>secret",
                vec!["Page unavailable"],
            ),
            ("<html><p>no title", vec![]),
            ("", vec![]),
            ("not json", vec![]),
            ("[1]", vec![]),
            (r#"{"errorMessage":"Customer not found"}"#, vec!["Customer not found"]),
            (
                r#"{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":"page 7"}]}"#,
                vec!["Not Found: page 7"],
            ),
            (r#"{"errors":[{"title":"Gone","detail":null},"text",7]}"#, vec!["Gone", "text"]),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[test]
    fn scope_failures_are_told_from_rejected_tokens() {
        let by_body = br#"{"code":401,"message":"Unauthorized; scope does not match"}"#;
        assert_eq!(code(401, &HeaderMap::new(), by_body), Code::MissingScope);
        assert_eq!(
            code(401, &HeaderMap::new(), br#"{"code":401,"message":"Unauthorized"}"#),
            Code::HttpError
        );
        for category in ["FAILURE_CLIENT_SCOPE_CHECK", "FAILURE CLIENT SCOPE CHECK"] {
            let headers = HeaderMap::from_iter([(
                "x-failure-category".parse().unwrap(),
                HeaderValue::from_static(category),
            )]);
            assert_eq!(code(401, &headers, b""), Code::MissingScope, "{category}");
        }
        let auth = HeaderMap::from_iter([(
            "x-failure-category".parse().unwrap(),
            HeaderValue::from_static("FAILURE_CLIENT_AUTH"),
        )]);
        assert_eq!(code(401, &auth, b""), Code::HttpError);
    }

    #[test]
    fn a_missing_app_is_told_from_missing_permission_in_either_body() {
        for body in [
            r#"{"code":403,"message":"The app is not installed on this instance"}"#,
            r#"{"errorMessages":["The app is not installed on this instance."]}"#,
        ] {
            assert_eq!(code(403, &HeaderMap::new(), body.as_bytes()), Code::AppNotInstalled);
        }
        let denied = br#"{"errorMessages":["You do not have permission"],"errors":{}}"#;
        assert_eq!(code(403, &HeaderMap::new(), denied), Code::PermissionDenied);
    }

    #[test]
    fn nothing_that_opens_doors_is_shown() {
        let token = format!("eyJ{}.eyJ{}.sig", "a".repeat(30), "b".repeat(30));
        let text = format!(
            "see (https://api.media.atlassian.com/file/1/binary?token=canary) Bearer {token}\r\n\u{1b}[0m"
        );
        let shown = clean(&text);
        assert_eq!(shown, "see (https://api.media.atlassian.com/file/1/binary?… Bearer … [0m");
        assert_eq!(clean("is it eyJ? yes, 100 %"), "is it eyJ? yes, 100 %");
        assert_eq!(clean(&"ü".repeat(2000)).chars().count(), LONGEST_MESSAGE + 1);
    }
}
