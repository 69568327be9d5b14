//! What a vector expects of a value. The table of matchers is in `tests/conformance/README.md`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::Url;

/// The value at a dotted path; the empty path is the value itself.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    path.split('.').try_fold(value, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get(name),
        _ => None,
    })
}

/// Whether a value is as expected; `None` is a value that is not there.
pub(crate) fn matches(actual: Option<&Value>, expected: &Value) -> bool {
    match expected {
        Value::Object(wanted) if !wanted.is_empty() && wanted.keys().all(|name| name.starts_with('$')) => {
            wanted.iter().all(|(name, wanted)| matcher(name, actual, wanted))
        }
        _ => actual.is_some_and(|actual| same(actual, expected)),
    }
}

fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            actual.len() == expected.len()
                && expected.iter().all(|(name, wanted)| matches(actual.get(name), wanted))
        }
        (Value::Array(actual), Value::Array(expected)) => {
            actual.len() == expected.len()
                && actual.iter().zip(expected).all(|(item, wanted)| matches(Some(item), wanted))
        }
        (Value::Number(actual), Value::Number(expected)) => actual.as_f64() == expected.as_f64(),
        _ => actual == expected,
    }
}

fn matcher(name: &str, actual: Option<&Value>, wanted: &Value) -> bool {
    let there = actual.filter(|value| !value.is_null());
    let text = there.and_then(Value::as_str);
    let wanted_text = || wanted.as_str().unwrap();
    match name {
        "$present" => there.is_some(),
        "$absent" => there.is_none(),
        "$length" => there.and_then(length) == wanted.as_u64(),
        "$starts" => text.is_some_and(|text| text.starts_with(wanted_text())),
        "$ends" => text.is_some_and(|text| text.ends_with(wanted_text())),
        "$uuid" => text.is_some_and(is_uuid),
        "$base64url" => text.is_some_and(|text| is_base64url(text, wanted.as_u64().unwrap())),
        "$greater" => there.and_then(Value::as_f64).is_some_and(|number| number > wanted.as_f64().unwrap()),
        "$contains" => there.is_some_and(|actual| contains(actual, wanted)),
        "$not" => actual.is_some() && !matches(actual, wanted),
        "$words" => there.is_some_and(|actual| words(actual) == words(wanted)),
        "$json" => text.is_some_and(|text| same(&serde_json::from_str(text).unwrap(), wanted)),
        "$form" => text.is_some_and(|text| same(&form(text), wanted)),
        "$query" => text.is_some_and(|text| {
            wanted
                .as_object()
                .unwrap()
                .iter()
                .all(|(name, wanted)| matches(query(text, name).as_ref(), wanted))
        }),
        other => panic!("there is no matcher {other}"),
    }
}

fn length(value: &Value) -> Option<u64> {
    let length = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.chars().count(),
        _ => return None,
    };
    u64::try_from(length).ok()
}

/// Part of a text, or anything inside a list or an object, however deep.
fn contains(actual: &Value, wanted: &Value) -> bool {
    let inside = |item: &Value| matches(Some(item), wanted) || contains(item, wanted);
    match actual {
        Value::String(text) => wanted.as_str().is_some_and(|wanted| text.contains(wanted)),
        Value::Array(items) => items.iter().any(inside),
        Value::Object(fields) => fields.values().any(inside),
        _ => false,
    }
}

fn words(value: &Value) -> Vec<String> {
    let mut words: Vec<String> = match value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap_or("?").to_owned()).collect(),
        _ => Vec::new(),
    };
    words.sort();
    words
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f' | '-'))
}

fn is_base64url(text: &str, least: u64) -> bool {
    text.len() as u64 >= least && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn form(text: &str) -> Value {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    json!(fields)
}

/// A URL's parameter, if it stands there exactly once.
pub(crate) fn query(url: &str, name: &str) -> Option<Value> {
    let url = Url::parse(url).ok()?;
    let mut values =
        url.query_pairs().filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let first = values.next()?;
    values.next().is_none().then(|| Value::from(first))
}
