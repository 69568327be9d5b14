//! `threelo import`: connections another system held, without a new consent.
//!
//! Read are JSON lines with the options of `import_connection`, one JSON array or object of such, and what Nango's API
//! returns for a connection (`connection_id`, `credentials`, `connection_config`), alone, in an array, or under
//! `connections`.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use threelo_core::{Call, Casing, Client, Code, Error};

use crate::args::Import;
use crate::output::{FAILED, Ink, Output};
use crate::{Failure, Outcome};

pub(super) async fn run(client: &Client, output: &Output, asked: &Import) -> Outcome {
    let records = records(&read(&asked.file)?)?;
    let mut failed = 0_usize;
    let bar = output.progress(Some(records.len()), "records read");
    for (number, record) in (1_usize..).zip(&records) {
        let id = text(record, "connection_id").or_else(|| text(record, "id")).unwrap_or_default().to_owned();
        let outcome = match options(record) {
            Ok(options) => import(client, options).await,
            Err(error) => Err(error),
        };
        bar.inc(1);
        // Lines that are printed and a bar that is redrawn must not meet.
        bar.suspend(|| match outcome {
            Ok(()) => output.data(&json!({ "id": id, "imported": true }), || {
                format!("{} {id}", output.ink(Ink::Good, "imported"))
            }),
            Err(error) => {
                failed += 1;
                let told = json!({ "code": error.code().as_str(), "message": error.message(), "hint": error.hint() });
                output.data(&json!({ "id": id, "record": number, "imported": false, "error": told }), || {
                    let refused = output.ink(Ink::Bad, "refused");
                    format!("{refused}  {id} (record {number}): {error}\n  next: {}", error.hint())
                });
            }
        });
    }
    bar.finish_and_clear();
    output.note(format!("{} of {} imported", records.len() - failed, records.len()));
    if failed > 0 { Err(Failure::Found(FAILED)) } else { Ok(()) }
}

async fn import(client: &Client, options: Value) -> Result<(), Error> {
    let call = Call::decode("import_connection", &options.to_string(), Casing::Snake)?;
    client.call(call).await.map(drop)
}

fn read(file: &Path) -> Outcome<String> {
    let mut text = String::new();
    let done = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    done.map_err(|error| Failure::Io(format!("reading {}", file.display()), error))?;
    Ok(text)
}

/// The records of a file in whichever form; what cannot be read is named by its line, never quoted.
fn records(text: &str) -> Outcome<Vec<Map<String, Value>>> {
    let objects = |value: Value| match value {
        Value::Array(list) => list,
        Value::Object(mut object) => match object.remove("connections") {
            Some(Value::Array(list)) => list,
            _ => vec![Value::Object(object)],
        },
        other => vec![other],
    };
    let mut found = Vec::new();
    let values = match serde_json::from_str::<Value>(text) {
        Ok(whole) => objects(whole),
        Err(_) => {
            let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
            let read = lines.map(|(number, line)| {
                let wrong = |_| Failure::Usage(format!("line {number} is not JSON"));
                serde_json::from_str::<Value>(line).map_err(wrong)
            });
            read.collect::<Outcome<Vec<_>>>()?
        }
    };
    for (number, value) in (1..).zip(values) {
        match value {
            Value::Object(object) => found.push(object),
            _ => return Err(Failure::Usage(format!("record {number} is not an object"))),
        }
    }
    Ok(found)
}

fn text<'a>(record: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    record.get(name).and_then(Value::as_str)
}

/// A record as options of `import_connection`.
fn options(record: &Map<String, Value>) -> Result<Value, Error> {
    match record.get("credentials").and_then(Value::as_object) {
        None => Ok(Value::Object(record.clone())),
        Some(credentials) => nango(record, credentials),
    }
}

/// A connection as Nango's API shows it.
fn nango(record: &Map<String, Value>, credentials: &Map<String, Value>) -> Result<Value, Error> {
    let none = Map::new();
    let object = |name: &str| record.get(name).and_then(Value::as_object).unwrap_or(&none);
    let raw = credentials.get("raw").and_then(Value::as_object).unwrap_or(&none);
    let config = object("connection_config");
    let refresh = text(credentials, "refresh_token").or_else(|| text(raw, "refresh_token"));
    let refresh = refresh.ok_or_else(|| {
        Error::new(Code::InvalidArgument, "the record has no refresh token, so nothing could keep it alive")
            .hinting("Export it with its credentials; a connection without offline_access has to be connected anew.")
    })?;
    let mut options = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.insert(name.to_owned(), value);
        }
    };
    put("id", text(record, "connection_id").map(Value::from));
    put("refresh_token", Some(refresh.into()));
    let expires = text(credentials, "expires_at").and_then(|at| humantime::parse_rfc3339_weak(at).ok());
    let expires = expires.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    if let (Some(expires), Some(access)) = (expires, text(credentials, "access_token")) {
        put("access_token", Some(access.into()));
        put("expires_at", u64::try_from(expires.as_millis()).ok().map(Value::from));
    }
    put("scopes", text(raw, "scope").map(|scopes| scopes.split(' ').map(Value::from).collect()));
    put("site", text(config, "cloudId").map(Value::from));
    put("account_id", text(config, "accountId").map(Value::from));
    let tags: Map<_, _> = object("tags")
        .iter()
        .filter(|(_, value)| value.is_string())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    put("tags", Some(tags).filter(|tags| !tags.is_empty()).map(Value::Object));
    put("metadata", Some(object("metadata").clone()).filter(|data| !data.is_empty()).map(Value::Object));
    Ok(Value::Object(options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported() -> Value {
        json!({
            "id": 7, "connection_id": "user-42", "provider_config_key": "jira",
            "credentials": {
                "type": "OAUTH2", "access_token": "a", "refresh_token": "r", "expires_at": "2026-11-24T01:02:03.000Z",
                "raw": { "scope": "read:jira-work offline_access", "expires_in": 3600 },
            },
            "connection_config": { "cloudId": "c-1", "accountId": "712020:x", "baseUrl": "https://acme.atlassian.net" },
            "metadata": null, "tags": { "plan": "pro", "seats": 3 },
        })
    }

    #[test]
    fn an_export_of_nango_becomes_options_of_the_import() {
        let records = records(&exported().to_string());
        let Ok(records) = records else { panic!() };
        let expected = json!({
            "id": "user-42", "refresh_token": "r", "access_token": "a", "expires_at": 1_795_482_123_000_u64,
            "scopes": ["read:jira-work", "offline_access"], "site": "c-1", "account_id": "712020:x",
            "tags": { "plan": "pro" },
        });
        assert_eq!(options(&records[0]).unwrap(), expected);
    }

    #[test]
    fn every_form_of_a_file_gives_the_same_records() {
        let one = exported().to_string();
        for text in [
            format!("[{one},{one}]"),
            format!("{one}\n\n{one}\n"),
            format!("{{\"connections\":[{one},{one}]}}"),
        ] {
            assert!(matches!(records(&text), Ok(found) if found.len() == 2));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_quoted() {
        for text in ["{\"refresh_token\": \"s3cret\"\n{}", "{}\n{\"refresh_token\": s3cret}\n", "[1]"] {
            let Err(Failure::Usage(told)) = records(text) else { panic!("{text}") };
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}
