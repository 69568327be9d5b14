//! What is listed, apart from where in it we are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::position::{ONLY_PLACES, Position};
use super::shape::Question;
use crate::atlassian::listings::{self, Array, Carrier, Listed};
use crate::error::{Error, Result};
use crate::options::{PaginateOptions, RequestOptions};
use crate::request::params;

/// A listing's query, checked.
#[derive(Debug)]
pub(super) struct Query {
    /// The call for the first page.
    request: RequestOptions,
    listed: Listed,
    posts: bool,
    /// Where the caller's own query begins to count.
    first: u64,
    /// The place in the caller's own query, where it is one that a page before gave.
    begin: Position,
    /// How many items a page is asked to have.
    window: Option<u64>,
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
        let fingerprint = fingerprint(&options, posts, &without(&options.path, &ONLY_PLACES))?;
        let page_size = options.page_size;
        let mut request = RequestOptions {
            params: options.params,
            json: posts.then(|| Value::Object(options.json.unwrap_or_default())),
            site: options.site,
            timeout: options.timeout,
            ..RequestOptions::new(options.id, if posts { "POST" } else { "GET" }, options.path)
        };
        let listed = listings::listed(below_the_site(&request.path), posts);
        let window = bound(&mut request, listed, page_size)?;
        let first = ["startAt", "offset", "start", "since"].iter().find_map(|name| number(&request, name));
        let begin = own(&request, "startingAfter").map_or(Position::First, Position::StartingAfter);
        Ok(Self { request, listed, posts, first: first.unwrap_or(0), begin, window, fingerprint })
    }

    /// The call for the page at `at`.
    pub(super) fn at(&self, at: &Position) -> RequestOptions {
        let mut request = self.request.clone();
        if let Position::Link(link) = at {
            request.path.clone_from(link);
            request.params = None;
        }
        if let Some((name, value)) = at.parameter() {
            let [one, other] = ONLY_PLACES;
            let places = [one, other, name];
            request.path = without(&request.path, &places);
            for given in request.params.iter_mut().chain(body(&mut request.json)) {
                given.retain(|name, _| !places.contains(&name.as_str()));
            }
            carry(&mut request, self.listed.carrier, name, value);
        }
        request
    }

    /// What the answer for the page at `at` is an answer to; the widest page so far had `widest` items.
    pub(super) fn question<'a>(&'a self, at: &'a Position, widest: u64) -> Question<'a> {
        let at = if *at == Position::First { &self.begin } else { at };
        let Self { first, window, posts, listed: Listed { array, .. }, .. } = *self;
        Question { at, first, window, widest, posts, array }
    }

    /// Whether pages are windows that were filtered after they were cut.
    pub(super) fn windowed(&self) -> bool {
        self.listed.array == Array::Windows
    }

    /// The path without its query, for messages.
    pub(super) fn path(&self) -> &str {
        self.request.path.split('?').next().unwrap_or_default()
    }

    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// Asks for pages of a size, where somebody wants one and the listing knows sizes. Says how large they will be.
fn bound(request: &mut RequestOptions, listed: Listed, page_size: Option<u64>) -> Result<Option<u64>> {
    if page_size == Some(0) {
        return Err(Error::argument("page_size", 0, "1 or more"));
    }
    let Some(name) = listed.size else { return Ok(None) };
    let own = number(request, name);
    if page_size.is_some() && own.is_some() {
        return Err(Error::argument("page_size", format!("given together with {name}"), "one of the two"));
    }
    let windowed = (listed.array == Array::Windows).then_some(listings::SEARCH_WINDOW);
    let wanted = own.or(page_size).or(windowed);
    if let Some(wanted) = wanted.filter(|_| own.is_none()) {
        carry(request, listed.carrier, name, wanted.into());
    }
    Ok(wanted)
}

fn carry(request: &mut RequestOptions, carrier: Carrier, name: &str, value: Value) {
    let place = match (&mut request.json, carrier) {
        (Some(Value::Object(body)), Carrier::Body) => body,
        _ => request.params.get_or_insert_default(),
    };
    place.insert(name.to_owned(), value);
}

fn body(json: &mut Option<Value>) -> Option<&mut Map<String, Value>> {
    json.as_mut().and_then(Value::as_object_mut)
}

/// A number the caller's own query has under this name.
fn number(request: &RequestOptions, name: &str) -> Option<u64> {
    own(request, name)?.parse().ok()
}

/// What the caller's own query has under this name, wherever it stands.
fn own(request: &RequestOptions, name: &str) -> Option<String> {
    let text = |value: &Value| match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let params = request.params.as_ref().and_then(|params| params.get(name));
    let body = request.json.as_ref().and_then(|body| body.get(name));
    let in_path = || {
        let (_, query) = request.path.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.into_owned())
    };
    params.or(body).and_then(text).or_else(in_path)
}

/// The path a caller means, also where it was given as an address of the site or of the gateway (F5.1, F5.3).
fn below_the_site(given: &str) -> &str {
    let place = given.split('?').next().unwrap_or_default();
    let Some((_, rest)) = place.split_once("://") else { return place };
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
    let below = ["/ex/jira/", "/ex/confluence/"].iter().find_map(|root| path.strip_prefix(root));
    below.map_or(path, |below| below.find('/').and_then(|at| below.get(at..)).unwrap_or_default())
}

/// Positions in the path's own query would stand beside ours.
fn without(path: &str, names: &[&str]) -> String {
    let Some((place, query)) = path.split_once('?') else { return path.to_owned() };
    let keep = |pair: &&str| !names.contains(&pair.split('=').next().unwrap_or_default());
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
        options.params.iter().flatten().filter(|(name, _)| !ONLY_PLACES.contains(&name.as_str()))
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
    body.retain(|name, _| !ONLY_PLACES.contains(&name.as_str()));
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
        let first = get.at(&Position::First);
        assert_eq!((&*first.path, &first.params.unwrap()["startAt"]), ("/rest/x?startAt=1&q=2", &json!(5)));
        let onward = get.at(&Position::StartAt(50));
        assert_eq!(onward.path, "/rest/x?q=2");
        assert_eq!(Value::Object(onward.params.unwrap()), json!({ "maxResults": 9, "startAt": 50 }));
        assert_eq!(onward.json, None);

        let post =
            options("POST", "/rest/x", json!({ "p": 1 }), json!({ "jql": "a", "nextPageToken": "old" }));
        let onward = Query::new(post).unwrap().at(&Position::NextPageToken("new".into()));
        assert_eq!(onward.json.unwrap(), json!({ "jql": "a", "nextPageToken": "new" }));
        assert_eq!(Value::Object(onward.params.unwrap()), json!({ "p": 1 }));
        let bare =
            Query::new(PaginateOptions { method: "post".into(), ..PaginateOptions::new("u", "/rest/x") });
        assert_eq!(bare.unwrap().at(&Position::First).json, Some(json!({})));
    }

    #[test]
    fn a_page_size_goes_under_the_listings_own_name() {
        let sized = |method: &str, path: &str, params: Value| {
            let options =
                PaginateOptions { page_size: Some(30), ..options(method, path, params, json!(null)) };
            Query::new(options).map(|query| {
                let first = query.at(&Position::First);
                (json!(first.params), first.json.unwrap_or_default())
            })
        };
        let none = json!(null);
        for (method, path, params, body) in [
            ("GET", "/rest/api/3/project/search?x=1", json!({ "maxResults": 30 }), none.clone()),
            (
                "GET",
                "https://acme.atlassian.net/rest/api/3/auditing/record",
                json!({ "limit": 30 }),
                none.clone(),
            ),
            (
                "GET",
                "https://api.atlassian.com/ex/jira/c/rest/servicedeskapi/servicedesk",
                json!({ "limit": 30 }),
                none.clone(),
            ),
            ("GET", "/wiki/api/v2/pages", json!({ "limit": 30 }), none.clone()),
            ("GET", "/rest/api/3/worklog/updated", none.clone(), none.clone()),
            ("POST", "/rest/api/3/search/jql", none.clone(), json!({ "maxResults": 30 })),
            ("POST", "/rest/api/3/field/f/context/mapping", json!({ "maxResults": 30 }), json!({})),
        ] {
            assert_eq!(sized(method, path, none.clone()).unwrap(), (params, body), "{path}");
        }
        for (path, params) in
            [("/rest/x", json!({ "maxResults": 5 })), ("/rest/x?maxResults=5", none.clone())]
        {
            let error = sized("GET", path, params).unwrap_err();
            assert_eq!(
                (error.code(), &error.context()["option"]),
                (Code::InvalidArgument, &json!("page_size"))
            );
        }
    }

    #[test]
    fn user_searches_always_say_their_window() {
        let path = "/rest/api/3/user/search";
        for (params, window) in [(json!(null), 50), (json!({ "maxResults": "7" }), 7)] {
            let query = Query::new(options("GET", path, params, json!(null))).unwrap();
            assert_eq!(query.question(&Position::First, 0).window, Some(window));
            let asked = query.at(&Position::StartAt(9)).params.unwrap();
            assert!([json!(window), json!(window.to_string())].contains(&asked["maxResults"]), "{asked:?}");
        }
    }

    #[test]
    fn links_stand_for_the_whole_query() {
        let query = options("GET", "/wiki/api/v2/pages?a=1", json!({ "limit": 2, "start": 9 }), json!(null));
        let query = Query::new(query).unwrap();
        let asked = query.at(&Position::Link("/wiki/api/v2/pages?cursor=x".into()));
        assert_eq!((asked.path.as_str(), asked.params), ("/wiki/api/v2/pages?cursor=x", None));
        assert_eq!(query.question(&Position::First, 0).first, 9);
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
