//! What is listed, apart from where in it we are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::cursor::Position;
use crate::error::{Error, Result};
use crate::options::{PaginateOptions, RequestOptions};
use crate::request::params;

/// The names positions go by; they are no part of a query's identity.
const POSITIONS: [&str; 2] = ["startAt", "nextPageToken"];

/// A listing's query, checked.
#[derive(Debug)]
pub(super) struct Query {
    request: RequestOptions,
    /// The caller's path without positions in its query: what pages after the first are asked by.
    onward_path: String,
    posts: bool,
    fingerprint: String,
}

impl Query {
    pub(super) fn new(options: PaginateOptions) -> Result<Self> {
        let posts = match options.method.to_ascii_uppercase().as_str() {
            "GET" => false,
            "POST" => true,
            _ => return Err(Error::argument("method", format!("{:?}", options.method), "GET or POST")),
        };
        if !posts && options.json.is_some() {
            return Err(Error::argument("json", "given with GET", "a body with POST only"));
        }
        let onward_path = without_positions(&options.path);
        let fingerprint = fingerprint(&options, posts, &onward_path)?;
        let request = RequestOptions {
            params: options.params,
            json: posts.then(|| Value::Object(options.json.unwrap_or_default())),
            site: options.site,
            timeout: options.timeout,
            ..RequestOptions::new(options.id, if posts { "POST" } else { "GET" }, options.path)
        };
        Ok(Self { request, onward_path, posts, fingerprint })
    }

    /// The call for the page at `at`. Positions travel where the query does: in the body of a POST.
    pub(super) fn at(&self, at: &Position) -> RequestOptions {
        let mut request = self.request.clone();
        let (name, value) = match at {
            Position::Start => return request,
            Position::Offset(offset) => ("startAt", Value::from(*offset)),
            Position::Token(token) => ("nextPageToken", Value::from(token.as_str())),
        };
        request.path.clone_from(&self.onward_path);
        if let Some(params) = &mut request.params {
            params.retain(|name, _| !POSITIONS.contains(&name.as_str()));
        }
        let place = match (&mut request.json, self.posts) {
            (Some(Value::Object(body)), true) => body,
            _ => request.params.get_or_insert_default(),
        };
        place.retain(|name, _| !POSITIONS.contains(&name.as_str()));
        place.insert(name.to_owned(), value);
        request
    }

    /// The path without its query, for messages.
    pub(super) fn path(&self) -> &str {
        self.onward_path.split('?').next().unwrap_or_default()
    }

    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// Positions in the path's own query would stand beside ours.
fn without_positions(path: &str) -> String {
    let Some((place, query)) = path.split_once('?') else { return path.to_owned() };
    let keep = |pair: &&str| !POSITIONS.contains(&pair.split('=').next().unwrap_or_default());
    let rest: Vec<&str> = query.split('&').filter(keep).collect();
    if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) }
}

/// Sixteen bytes that tell one query of one connection from all others, equal in all languages: neither the order of
/// names nor `1` against `1.0` matters.
fn fingerprint(options: &PaginateOptions, posts: bool, path: &str) -> Result<String> {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    };
    add(&options.id);
    add(if posts { "POST" } else { "GET" });
    add(path);
    let mut pairs = Vec::new();
    for (name, value) in
        options.params.iter().flatten().filter(|(name, _)| !POSITIONS.contains(&name.as_str()))
    {
        let values = params::values(name, &plain(value))?;
        if !values.is_empty() {
            pairs.push((name, values));
        }
    }
    pairs.sort();
    for (name, values) in pairs {
        add("param");
        add(name);
        values.iter().for_each(|value| add(value));
    }
    let mut body = options.json.clone().unwrap_or_default();
    body.retain(|name, _| !POSITIONS.contains(&name.as_str()));
    add("body");
    add(&plain(&Value::Object(body)).to_string());
    let digest = hash.finalize();
    Ok(URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default()))
}

/// A value with its names in order and whole numbers written as such.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            Value::Object(
                sorted.into_iter().map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Value::Number(number) => match number.as_f64() {
            // Up to here floating point is exact, and JavaScript knows no other numbers.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Code;

    fn options(method: &str, path: &str, params: Value, body: Value) -> PaginateOptions {
        PaginateOptions {
            method: method.into(),
            params: params.as_object().cloned(),
            json: body.as_object().cloned(),
            ..PaginateOptions::new("user-42", path)
        }
    }

    fn print(method: &str, path: &str, params: Value, body: Value) -> String {
        Query::new(options(method, path, params, body)).unwrap().fingerprint
    }

    #[test]
    fn a_fingerprint_tells_queries_apart_and_nothing_else() {
        let one = print("GET", "/rest/x?a=1&startAt=5", json!({ "b": [1, "2"], "c": true }), json!(null));
        for same in [
            print("get", "/rest/x?a=1", json!({ "c": true, "b": ["1", 2.0] }), json!(null)),
            print(
                "GET",
                "/rest/x?startAt=9&a=1",
                json!({ "b": [1, 2], "c": "true", "d": null, "startAt": 3 }),
                json!(null),
            ),
        ] {
            assert_eq!(one, same);
        }
        for other in [
            print("POST", "/rest/x?a=1", json!({ "b": [1, 2], "c": true }), json!(null)),
            print("GET", "/rest/y?a=1", json!({ "b": [1, 2], "c": true }), json!(null)),
            print("GET", "/rest/x?a=2", json!({ "b": [1, 2], "c": true }), json!(null)),
            print("GET", "/rest/x?a=1", json!({ "b": [1], "2": 2, "c": true }), json!(null)),
            print("GET", "/rest/x?a=1", json!({ "b": [2, 1], "c": true }), json!(null)),
        ] {
            assert_ne!(one, other);
        }
        let post = |body| print("POST", "/rest/x", json!(null), body);
        assert_eq!(
            post(json!({ "a": 1, "b": { "c": [1.0], "d": 2 } })),
            post(json!({ "b": { "d": 2, "c": [1] }, "a": 1.0 }))
        );
        assert_eq!(post(json!({ "a": 1, "nextPageToken": "t" })), post(json!({ "a": 1 })));
        assert_ne!(post(json!({ "a": 1 })), post(json!({ "a": "1" })));
    }

    #[test]
    fn positions_replace_the_callers_own() {
        let get =
            options("GET", "/rest/x?startAt=1&q=2", json!({ "startAt": 5, "maxResults": 9 }), json!(null));
        let get = Query::new(get).unwrap();
        let first = get.at(&Position::Start);
        assert_eq!((&*first.path, &first.params.unwrap()["startAt"]), ("/rest/x?startAt=1&q=2", &json!(5)));
        let onward = get.at(&Position::Offset(50));
        assert_eq!(onward.path, "/rest/x?q=2");
        assert_eq!(Value::Object(onward.params.unwrap()), json!({ "maxResults": 9, "startAt": 50 }));
        assert_eq!(onward.json, None);

        let post =
            options("POST", "/rest/x", json!({ "p": 1 }), json!({ "jql": "a", "nextPageToken": "old" }));
        let onward = Query::new(post).unwrap().at(&Position::Token("new".into()));
        assert_eq!(onward.json.unwrap(), json!({ "jql": "a", "nextPageToken": "new" }));
        assert_eq!(Value::Object(onward.params.unwrap()), json!({ "p": 1 }));
        let bare =
            Query::new(PaginateOptions { method: "post".into(), ..PaginateOptions::new("u", "/rest/x") });
        assert_eq!(bare.unwrap().at(&Position::Start).json, Some(json!({})));
    }

    #[test]
    fn what_cannot_be_asked_is_refused_at_once() {
        for (method, params, body) in [
            ("PUT", json!(null), json!(null)),
            ("GET", json!(null), json!({})),
            ("GET", json!({ "a": {} }), json!(null)),
        ] {
            let error = Query::new(options(method, "/rest/x", params, body)).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
        }
    }
}
