//! Reads options that come from another language, and says exactly which one is wrong: as the caller wrote it, what
//! was given (never a secret's value), and what is accepted.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::spell::Casing;
use crate::error::{Code, Error, Result};

include!("option_names.rs");

/// An option as api.toml lists it.
pub(super) struct Known {
    pub(super) name: &'static str,
    accepted: &'static str,
    required: bool,
    secret: bool,
    /// It crosses beside the others. What has come as JSON is of a kind the caller's language could not convert.
    beside: bool,
    /// The one language that has it, where not all do.
    only: Option<Casing>,
}

impl Known {
    fn is_of(&self, casing: Casing) -> bool {
        self.only.is_none_or(|only| only == casing)
    }
}

/// Every verb takes this one; the client does not.
const TIMEOUT: Known = Known {
    name: "timeout_ms",
    accepted: "a number of at least zero",
    required: false,
    secret: false,
    beside: false,
    only: None,
};

/// Decodes the options of `group` (a verb, or `client`).
pub(super) fn decode<T: DeserializeOwned>(group: &str, text: &str, casing: Casing) -> Result<T> {
    let known = OPTIONS.iter().find(|(name, _)| *name == group).map_or(&[][..], |(_, known)| known);
    match at_once(known, text) {
        Some(options) => Ok(options),
        None => read(group, known, text, casing).map_err(Error::verbatim),
    }
}

/// The quick way for what most calls are: names of one word, which all languages spell alike, and nothing wrong.
/// Whatever else there is gets the thorough way, which also knows what to say about it.
fn at_once<T: DeserializeOwned>(known: &[Known], text: &str) -> Option<T> {
    let given: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
    let plain = |name: &str| !name.contains('_') && known.iter().any(|option| option.name == name);
    given.keys().all(|name| plain(name)).then(|| serde_json::from_str(text).ok()).flatten()
}

fn read<T: DeserializeOwned>(group: &str, known: &[Known], text: &str, casing: Casing) -> Result<T> {
    let code = if group == "client" { Code::InvalidConfig } else { Code::InvalidArgument };
    let given: Map<String, Value> = serde_json::from_str(text).map_err(|_| {
        Error::new(code, format!("the options of `{group}` are not a JSON object of plain values"))
    })?;
    let mut renamed = Map::new();
    for (key, mut value) in given {
        let timeout = (group != "client").then_some(&TIMEOUT);
        let Some(option) = known
            .iter()
            .filter(|option| option.is_of(casing))
            .chain(timeout)
            .find(|option| casing.is(option.name, &key))
        else {
            return Err(unknown(code, group, &key, known, casing));
        };
        if option.beside {
            let given = describe(Some(&value), option.secret);
            return Err(Error::bad_value(code, &key, given, option.accepted));
        }
        if option.name == TIMEOUT.name && casing == Casing::Snake {
            value = value.as_f64().map_or(value, |seconds| Value::from(seconds * 1000.0));
        }
        renamed.insert(option.name.to_owned(), value);
    }
    if let Some(missing) = known.iter().find(|option| option.required && !renamed.contains_key(option.name)) {
        let spelt = casing.spell(missing.name);
        return Err(Error::bad_value(code, &spelt, "missing", missing.accepted));
    }
    let mut value = Value::Object(renamed);
    let decoded = serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let name = path.split(['.', '[']).next().unwrap_or_default();
        let option = known.iter().chain(Some(&TIMEOUT)).find(|option| option.name == name);
        let given = describe(value.get(name), option.is_some_and(|option| option.secret));
        let accepted = option.map_or("what api.toml lists", |option| option.accepted);
        Error::bad_value(code, &casing.spell(name), given, accepted)
    });
    wipe(&mut value);
    decoded
}

fn unknown(code: Code, group: &str, key: &str, known: &[Known], casing: Casing) -> Error {
    let offered = known.iter().filter(|option| option.is_of(casing));
    let names: Vec<String> = offered.map(|option| casing.spell(option.name)).collect();
    Error::new(code, format!("`{key}` is not an option of `{group}`; accepted are {}", names.join(", ")))
        .with("option", key)
        .with("given", key)
        .with("accepted", names.join(", "))
}

/// What was given, in words that never show a secret.
fn describe(value: Option<&Value>, secret: bool) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(given)) => given.to_string(),
        Some(Value::Number(given)) if !secret => given.to_string(),
        Some(Value::Number(_)) => "a number".to_owned(),
        Some(Value::String(given)) if !secret && given.len() <= 60 => format!("\"{given}\""),
        Some(Value::String(given)) => format!("a string of {} characters", given.chars().count()),
        Some(Value::Array(given)) => format!("a list of {}", given.len()),
        Some(Value::Object(_)) => "an object".to_owned(),
    }
}

/// Secrets pass through these values on their way into their own types; they do not stay behind.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(values) => values.values_mut().for_each(wipe),
        _ => {}
    }
}
