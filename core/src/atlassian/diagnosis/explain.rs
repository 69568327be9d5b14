//! From an error answer to a code, a text, and advice that knows the operation.

use http::HeaderMap;
use serde_json::{Value, json};

use super::scopes::needs;
use super::{Body, Family, code};
use crate::atlassian::catalogue::{self, Audience, Operation};
use crate::error::Code;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    /// The path below the site, without its query.
    pub(crate) path: &'a str,
    /// Whether it may change something.
    pub(crate) writes: bool,
    /// The scopes that the site's entry, or else the grant, has.
    pub(crate) granted: &'a [String],
}

/// What an error answer means.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) code: Code,
    pub(crate) text: String,
    /// Where something better than the code's own advice is known.
    pub(crate) hint: Option<String>,
    /// For the error's context.
    pub(crate) details: Vec<(&'static str, Value)>,
}

/// Explains an answer with a status of 400 or more.
pub(crate) fn explain(asked: &Asked<'_>, status: u16, headers: &HeaderMap, body: &[u8]) -> Diagnosis {
    let body = Body::read(headers, body);
    let code = code(status, headers, &body);
    let operation = catalogue::find(asked.method, asked.path);
    let mut found =
        Diagnosis { code, text: text(asked, status, code, &body), hint: None, details: Vec::new() };
    found.tell("messages", body.messages.clone());
    if let Some(operation) = operation {
        found.tell("operation", format!("{} {}", operation.method, spelt(operation.path, asked)));
    }
    match code {
        Code::MissingScope => found.missing_scope(asked, operation),
        Code::PermissionDenied => found.permission_denied(operation),
        Code::EndpointRemoved => found.removed(asked, operation),
        Code::HttpError => found.http_error(asked, status, body.family, operation),
        _ => {}
    }
    found
}

/// A path of the catalogue in the version of the interface that was asked.
fn spelt(path: &str, asked: &Asked<'_>) -> String {
    match path.strip_prefix("/rest/api/3/") {
        Some(rest) if asked.path.starts_with("/rest/api/2/") => format!("/rest/api/2/{rest}"),
        _ => path.to_owned(),
    }
}

fn text(asked: &Asked<'_>, status: u16, code: Code, body: &Body) -> String {
    let (said, asked) = (body.messages.join("; "), format!("{} {}", asked.method, asked.path));
    let colon = if said.is_empty() { "" } else { ": " };
    match code {
        Code::MissingScope => format!("{asked} needs a scope that was not granted{colon}{said}"),
        Code::AppNotInstalled => format!("{asked} was refused: the app is not installed on this site"),
        Code::HttpError if status == 401 => {
            format!("{asked} was answered with 401: no token of this grant is accepted{colon}{said}")
        }
        _ => format!("{asked} was answered with {status}{colon}{said}"),
    }
}

impl Diagnosis {
    fn tell(&mut self, name: &'static str, value: impl Into<Value>) {
        self.details.push((name, value.into()));
    }

    fn advise(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }

    /// Names the scopes, where they are known and are what is wrong.
    fn missing_scope(&mut self, asked: &Asked<'_>, operation: Option<&'static Operation>) {
        self.tell("granted_scopes", asked.granted.to_vec());
        if self.barred(operation) {
            return;
        }
        let Some(needs) = operation.and_then(|operation| needs(operation, asked.granted)) else {
            // The gateway also says this about paths that it does not know (F6.2).
            return self.advise(
                "Which scope is not known here. Atlassian says this of unknown paths too: check the path, then its \
                 reference for the scope, add that to the app and to the client's scopes, and let the user connect \
                 again.",
            );
        };
        self.tell("needed_scopes", json!(needs.alternatives));
        self.tell("missing_scopes", json!(needs.missing));
        if needs.missing.is_empty() {
            return self.advise(
                "The scopes it is documented to need were granted. Right after a consent Atlassian may not know them \
                 yet (F3.14): try again in a moment. If it stays, let the user connect again with connect() and the \
                 same id.",
            );
        }
        let other = needs.alternatives.iter().enumerate().find(|(at, _)| *at != needs.nearest);
        let instead = match other {
            Some((_, [one])) => format!(" ({one} would do instead)"),
            Some((_, several)) => format!(" (all of {} would do instead)", several.join(", ")),
            None => String::new(),
        };
        self.advise(format!(
            "Add {}{instead} to the app in the developer console and to the client's scopes, and let the user connect \
             again.",
            needs.missing.join(" and "),
        ));
    }

    /// Names the permissions, where the documents do.
    fn permission_denied(&mut self, operation: Option<&Operation>) {
        if self.barred(operation) {
            return;
        }
        let needed: Vec<String> = operation.into_iter().flat_map(Operation::permissions).collect();
        let Some((last, others)) = needed.split_last() else { return };
        let named = match others {
            [] => last.clone(),
            others => format!("{} and {last} (one of them may do)", others.join(", ")),
        };
        self.advise(format!(
            "Ask a Jira administrator for what Atlassian documents that a user needs for this: {named}. Scopes never \
             override a user's own permissions."
        ));
        self.tell("needed_permissions", needed);
    }

    /// Whether the operation is not for OAuth apps at all (F5.4).
    fn barred(&mut self, operation: Option<&Operation>) -> bool {
        let whom = match operation.map(|one| one.audience) {
            Some(Audience::Connect) => "for Connect apps only",
            Some(Audience::Forge) => "for Forge apps only",
            Some(Audience::NoApps) => "not for apps",
            Some(Audience::Everybody) | None => return false,
        };
        self.advise(format!(
            "This operation is {whom} (F5.4): neither scopes nor permissions open it to an OAuth 2.0 (3LO) app."
        ));
        self.tell("for_oauth_apps", false);
        true
    }

    /// Names what to use instead (F6.7).
    fn removed(&mut self, asked: &Asked<'_>, operation: Option<&Operation>) {
        if let Some(date) = operation.and_then(|one| one.removed) {
            self.tell("removed_on", date);
        }
        match operation.and_then(|one| one.successor) {
            Some(successor) => {
                let (method, path) = successor.split_once(' ').unwrap_or(("", successor));
                let successor = format!("{method} {}", spelt(path, asked));
                self.advise(format!(
                    "Use {successor} instead. Its answer may look different: see its reference."
                ));
                self.tell("successor", successor);
            }
            None if self.code == Code::EndpointRemoved => {
                self.advise("Atlassian's message, or its changelog, says what to use instead.");
            }
            None => {}
        }
    }

    fn http_error(&mut self, asked: &Asked<'_>, status: u16, family: Family, operation: Option<&Operation>) {
        match (status, family) {
            (401, _) => {
                self.advise("If it stays, let the user connect again with connect() and the same id.");
                self.tell("cause", "token_rejected");
            }
            // F6.6
            (404, Family::Page) => {
                self.advise(
                    "The site seems to be gone, suspended or renamed: sites() lists what the grant reaches now, and \
                     select_site() moves the connection.",
                );
                self.tell("cause", "site_gone");
            }
            (404, Family::Spring) => {
                self.advise(match operation {
                    Some(_) => "The gateway does not know this path on this site: sites() tells whether it is still there.",
                    None => "No operation that Atlassian documents has this method and path: check how it is written.",
                });
                self.tell("cause", "unknown_path");
                self.removed(asked, operation);
            }
            (404, Family::Product) => {
                self.advise("It does not exist, or this user may not see it: Jira does not tell which.");
                self.tell("cause", "absent_or_hidden");
            }
            // F6.8
            (409, _) if asked.path.ends_with("/users") || asked.path.ends_with("/users/search") => {
                self.advise(
                    "Listing these users took Jira longer than ten seconds (F6.8): ask for fewer at a time.",
                );
            }
            (500.., _) if asked.writes => {
                self.advise("Look in Jira whether the write happened before sending it again (F6.9).");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(method: &str, path: &str, granted: &[&str], status: u16, body: &str) -> Diagnosis {
        let granted: Vec<String> = granted.iter().map(|&scope| scope.to_owned()).collect();
        let asked = Asked { method, path, writes: method != "GET", granted: &granted };
        explain(&asked, status, &HeaderMap::new(), body.as_bytes())
    }

    fn detail(found: &Diagnosis, name: &str) -> Value {
        found.details.iter().find(|(told, _)| *told == name).map_or(Value::Null, |(_, value)| value.clone())
    }

    const SCOPE: &str = r#"{"code":401,"message":"Unauthorized; scope does not match"}"#;
    const ABSENT: &str = r#"{"errorMessages":["Issue does not exist"],"errors":{}}"#;
    const SPRING: &str =
        r#"{"timestamp":"t","status":404,"error":"Not Found","message":"No message available"}"#;
    const PAGE: &str = "<html><title>Page unavailable</title>";

    #[test]
    fn a_missing_scope_is_named_with_its_alternative() {
        let found = of("PUT", "/rest/api/2/issue/A-1", &["read:jira-work"], 401, SCOPE);
        assert_eq!(found.code, Code::MissingScope);
        assert_eq!(detail(&found, "operation"), "PUT /rest/api/2/issue/{issueIdOrKey}");
        assert_eq!(detail(&found, "needed_scopes"), json!([["write:jira-work"], ["write:issue:jira"]]));
        assert_eq!(detail(&found, "missing_scopes"), json!(["write:jira-work"]));
        assert_eq!(detail(&found, "granted_scopes"), json!(["read:jira-work"]));
        assert_eq!(
            found.hint.unwrap(),
            "Add write:jira-work (write:issue:jira would do instead) to the app in the developer console and to the \
             client's scopes, and let the user connect again."
        );
        let found = of("GET", "/rest/agile/1.0/board/1/issue", &["read:jira-work"], 401, SCOPE);
        let hint = found.hint.unwrap();
        assert!(
            hint.starts_with("Add read:board-scope:jira-software and read:issue-details:jira to"),
            "{hint}"
        );
    }

    #[test]
    fn a_scope_failure_of_what_has_its_scopes_or_is_unknown_is_not_blamed_on_a_scope() {
        let granted = of("GET", "/rest/api/3/myself", &["read:jira-user"], 401, SCOPE);
        assert_eq!(detail(&granted, "missing_scopes"), json!([]));
        assert!(granted.hint.unwrap().contains("F3.14"));
        // F10.2: what the catalogue does not know is not refused, and nothing is made up about it.
        let unknown = of("GET", "/rest/api/3/nothing", &["write:of-the-future:jira"], 401, SCOPE);
        assert_eq!(detail(&unknown, "needed_scopes"), Value::Null);
        assert!(unknown.hint.unwrap().contains("check the path"));
    }

    #[test]
    fn what_no_oauth_app_may_do_is_said_to_be_so() {
        let forbidden = r#"{"errorMessages":["no"],"errors":{}}"#;
        for (status, body) in [(401, SCOPE), (403, forbidden)] {
            let found = of("GET", "/rest/api/3/webhook/failed", &["read:jira-work"], status, body);
            assert!(found.hint.as_ref().unwrap().contains("Connect apps only"), "{found:?}");
            assert_eq!(detail(&found, "for_oauth_apps"), false);
        }
        let denied = of("PUT", "/rest/api/2/announcementBanner", &[], 403, forbidden);
        assert_eq!(detail(&denied, "needed_permissions"), json!(["Administer Jira (global)"]));
        assert!(denied.hint.unwrap().contains("needs for this: Administer Jira (global). Scopes"));
        let several = of("POST", "/rest/api/3/component", &[], 403, forbidden);
        let hint = several.hint.unwrap();
        assert!(
            hint.contains("Administer projects (project) and Administer Jira (global) (one of them may do)"),
            "{hint}"
        );
        let denied = of("GET", "/rest/api/3/serverInfo", &[], 403, forbidden);
        assert_eq!((denied.code, denied.hint), (Code::PermissionDenied, None));
    }

    #[test]
    fn removed_operations_name_their_successors() {
        let gone = r#"{"errorMessages":["The requested API has been removed."],"errors":{}}"#;
        for (method, path, successor) in [
            ("GET", "/rest/api/3/search", "GET /rest/api/3/search/jql"),
            ("POST", "/rest/api/2/search", "POST /rest/api/2/search/jql"),
            ("GET", "/rest/api/3/project", "GET /rest/api/3/project/search"),
        ] {
            let found = of(method, path, &[], 410, gone);
            assert_eq!((found.code, detail(&found, "successor")), (Code::EndpointRemoved, json!(successor)));
            assert!(found.hint.unwrap().contains(successor));
        }
        let unknown = of("GET", "/rest/x", &[], 410, gone);
        assert_eq!(detail(&unknown, "successor"), Value::Null);
        assert!(unknown.hint.unwrap().contains("changelog"));
    }

    #[test]
    fn kinds_of_404_are_told_apart() {
        for (path, body, cause, words) in [
            ("/rest/api/3/issue/A-1", ABSENT, "absent_or_hidden", "may not see it"),
            ("/rest/api/3/issue/A-1", SPRING, "unknown_path", "sites() tells"),
            ("/rest/api/3/isue/A-1", SPRING, "unknown_path", "check how it is written"),
            ("/rest/api/3/issue/A-1", PAGE, "site_gone", "select_site()"),
        ] {
            let found = of("GET", path, &[], 404, body);
            assert_eq!((found.code, detail(&found, "cause")), (Code::HttpError, json!(cause)), "{path}");
            assert!(found.hint.unwrap().contains(words), "{path}");
        }
        assert_eq!(of("GET", "/rest/api/3/issue/A-1", &[], 404, "").hint, None);
        // A removed operation may as well be answered by the gateway.
        let gone = of("GET", "/rest/api/3/search", &[], 404, SPRING);
        assert_eq!(detail(&gone, "successor"), "GET /rest/api/3/search/jql");
    }

    proptest! {
        #[test]
        fn any_answer_is_explained_in_bounds_and_without_what_must_not_be_shown(
            method in "GET|POST|PUT|DELETE|HEAD|[A-Z]{0,5}",
            path in "/rest/(api/[23]|agile/1.0)/(search|issue/A-1|webhook/failed|users|\\PC{0,12})",
            status in 400u16..600,
            frame in 0usize..7,
            said in "\\PC{0,700}|(.|\n){0,80}",
            granted in prop::collection::vec("read:jira-work|write:jira-work|\\PC{0,20}", 0..4),
        ) {
            const CANARY: &str = "eyJjYW5hcnkiOiJjYW5hcnkifQ.canary";
            let said = format!("{said} https://media/x?token={CANARY} {CANARY}");
            let body = match frame {
                0 => json!({"code": status, "message": said}).to_string(),
                1 => json!({"errorMessages": [&said, &said], "errors": {(&*said): &said}}).to_string(),
                2 => json!({"timestamp": 1, "status": status, "error": said, "message": said}).to_string(),
                3 => json!({"error": said, "error_description": said}).to_string(),
                4 => json!({"errors": vec![json!({"title": said, "detail": said}); 30]}).to_string(),
                5 => format!("<html><title>{said}</title>"),
                _ => said,
            };
            let asked = Asked { method: &method, path: &path, writes: false, granted: &granted };
            let found = explain(&asked, status, &HeaderMap::new(), body.as_bytes());
            let shown = format!("{found:?}");
            prop_assert!(!shown.contains("canary"), "{}", shown);
            let messages = detail(&found, "messages");
            let messages = messages.as_array().unwrap();
            prop_assert!(messages.len() <= 10);
            for message in messages.iter().filter_map(Value::as_str) {
                prop_assert!(message.chars().count() <= 501 && !message.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn other_statuses_have_the_advice_that_is_known() {
        let hint =
            |method: &str, path: &str, status| of(method, path, &[], status, "").hint.unwrap_or_default();
        assert!(hint("GET", "/rest/api/3/myself", 401).contains("connect()"));
        assert!(hint("GET", "/rest/api/3/users/search", 409).contains("fewer"));
        assert!(hint("POST", "/rest/api/3/issue", 502).contains("happened"));
        assert_eq!(hint("GET", "/rest/api/3/issue/A-1", 502), "");
    }
}
