//! What the body of an error answer says: one reader for all five families (F6.1).

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

/// At most this many messages of this many characters leave an answer.
const MOST_MESSAGES: usize = 10;
const LONGEST_MESSAGE: usize = 500;

/// The families of bodies (F6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// (a) The gateway's own: `{"code", "message"}`.
    Gateway,
    /// (b) A product's: `{"errorMessages", "errors"}`.
    Product,
    /// (c) Spring's: `{"timestamp", "status", "error", "message", "path"}`.
    Spring,
    /// (d) OAuth's: `{"error", "error_description"}`.
    OAuth,
    /// (e) A page of HTML.
    Page,
    /// (e) Nothing, or nothing of the kind.
    Other,
}

/// An error answer's body, read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) family: Family,
    /// What it says, cleaned of what must not be shown. A page of HTML is its title at most.
    pub(crate) messages: Vec<String>,
}

impl Body {
    /// Reads a body of whichever family.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (family, found) = if kind.contains("html") || body.trim_ascii_start().starts_with(b"<") {
            (Family::Page, title(body).into_iter().collect())
        } else {
            match serde_json::from_slice::<Value>(body) {
                Ok(Value::Object(body)) => (family(&body), said(&body)),
                _ => (Family::Other, Vec::new()),
            }
        };
        let messages = found
            .iter()
            .map(|text| clean(text))
            .filter(|text| !text.is_empty())
            .take(MOST_MESSAGES)
            .collect();
        Self { family, messages }
    }

    /// Whether it says this somewhere, however it is capitalised.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.messages.iter().any(|message| message.to_ascii_lowercase().contains(words))
    }
}

fn family(body: &Map<String, Value>) -> Family {
    let has = |name: &str| body.contains_key(name);
    if has("errorMessages") || has("errorMessage") || has("errors") {
        Family::Product
    } else if has("error_description") {
        Family::OAuth
    } else if has("error") {
        // OAuth's description may be left out; Spring's status never is.
        if has("status") || has("timestamp") { Family::Spring } else { Family::OAuth }
    } else if has("message") {
        Family::Gateway
    } else {
        Family::Other
    }
}

/// What a JSON body says, in whichever of the families it is written.
fn said(body: &Map<String, Value>) -> Vec<String> {
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
    use super::*;

    fn read(body: &str) -> Body {
        Body::read(&HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn every_family_of_bodies_is_understood() {
        use Family::{Gateway, OAuth, Other, Page, Product, Spring};
        for (body, family, expected) in [
            (r#"{"code":403,"message":"Forbidden"}"#, Gateway, vec!["Forbidden"]),
            (
                r#"{"errorMessages":["Issue does not exist"],"errors":{"project":"is required","n":{"a":1}},"status":400}"#,
                Product,
                vec!["Issue does not exist", "project: is required", "n: {\"a\":1}"],
            ),
            (
                r#"{"timestamp":"2026","status":404,"error":"Not Found","message":"No message available","path":"/x"}"#,
                Spring,
                vec!["Not Found"],
            ),
            (
                r#"{"status":404,"error":"Not Found","message":"no such tenant"}"#,
                Spring,
                vec!["no such tenant"],
            ),
            (
                r#"{"error":"invalid_grant","error_description":"Unknown token"}"#,
                OAuth,
                vec!["invalid_grant: Unknown token"],
            ),
            (r#"{"error":"access_denied"}"#, OAuth, vec!["access_denied"]),
            (
                "<!DOCTYPE html><html><head><TITLE>\n Page\n unavailable </TITLE></head><p>secret",
                Page,
                vec!["Page unavailable"],
            ),
            ("<html><p>no title", Page, vec![]),
            ("", Other, vec![]),
            ("not json", Other, vec![]),
            ("[1]", Other, vec![]),
            ("{}", Other, vec![]),
            (r#"{"errorMessage":"Customer not found"}"#, Product, vec!["Customer not found"]),
            (
                r#"{"errors":[{"status":404,"code":"NOT_FOUND","title":"Not Found","detail":"page 7"}]}"#,
                Product,
                vec!["Not Found: page 7"],
            ),
            (r#"{"errors":[{"title":"Gone","detail":null},"text",7]}"#, Product, vec!["Gone", "text"]),
        ] {
            let read = read(body);
            assert_eq!(
                (read.family, read.messages),
                (family, expected.into_iter().map(str::to_owned).collect()),
                "{body}"
            );
        }
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
