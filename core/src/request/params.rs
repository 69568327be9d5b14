//! Query parameters, headers and methods as callers give them, checked and written as HTTP wants them.

use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Everything but RFC 3986's unreserved characters; a space is `%20`, which is never mistaken for a plus.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Headers that are threelo's own, or the transport's.
const OWN: &[HeaderName] = &[
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::COOKIE,
];

/// What other HTTP clients say of themselves and threelo decides: it decompresses, and asks for ranges as they are stored.
const RELAYED: &[HeaderName] = &[header::ACCEPT_ENCODING];

/// The scalars of one parameter, as text: none for null, several for a list.
pub(crate) fn values(name: &str, value: &Value) -> Result<Vec<String>> {
    values_of("params", name, value)
}

/// The fields of a form, one by one.
pub(super) fn fields(form: Option<&Map<String, Value>>) -> Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    for (name, value) in form.into_iter().flatten() {
        fields.extend(values_of("form", name, value)?.into_iter().map(|text| (name.clone(), text)));
    }
    Ok(fields)
}

fn values_of(option: &str, name: &str, value: &Value) -> Result<Vec<String>> {
    let all = match value {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let texts = all.iter().filter_map(|item| match item {
        Value::Null => None,
        Value::String(text) => Some(Ok(text.clone())),
        Value::Bool(flag) => Some(Ok(flag.to_string())),
        Value::Number(number) => Some(Ok(number.to_string())),
        Value::Array(_) => Some(Err("a list within a list")),
        Value::Object(_) => Some(Err("an object")),
    });
    texts.collect::<Result<_, _>>().map_err(|given| {
        let accepted = "a string, a number, true, false, null, or a list of them for each name";
        Error::argument(option, format!("{given} at {name:?}"), accepted)
    })
}

/// The query of a request: what stood in the path, then the parameters, each encoded by itself.
pub(super) fn query(in_path: Option<String>, params: Option<&Map<String, Value>>) -> Result<Option<String>> {
    let mut query = in_path.unwrap_or_default();
    for (name, value) in params.into_iter().flatten() {
        for text in values(name, value)? {
            if !query.is_empty() {
                query.push('&');
            }
            query.extend(utf8_percent_encode(name, COMPONENT));
            query.push('=');
            query.extend(utf8_percent_encode(&text, COMPONENT));
        }
    }
    Ok(Some(query).filter(|query| !query.is_empty()))
}

/// The caller's headers. Their values are never shown: they may be secrets of the caller's. Those that are threelo's
/// own are refused, or left out where the request is `relayed`: other HTTP clients set them by themselves.
pub(super) fn headers(given: Option<&Map<String, Value>>, relayed: bool) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in given.into_iter().flatten() {
        let refuse =
            |what: &str, accepted: &str| Error::argument("headers", format!("{what} at {name:?}"), accepted);
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(_) => return Err(refuse("a list", "one text for each name")),
            Value::Object(_) => return Err(refuse("an object", "one text for each name")),
        };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse("a name that is not one", "names of letters, digits and hyphens"))?;
        if relayed && (OWN.contains(&key) || RELAYED.contains(&key)) {
            continue;
        }
        if OWN.contains(&key) {
            return Err(refuse("a header that is threelo's own", "other headers"));
        }
        let text = HeaderValue::from_str(&text)
            .map_err(|_| refuse("a value with characters no header may have", "visible ASCII characters"))?;
        headers.insert(key, text);
    }
    Ok(headers)
}

/// The method, in any case of letters.
pub(super) fn method(given: &str) -> Result<Method> {
    let known = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
    ];
    known.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(given)).ok_or_else(|| {
        Error::argument("method", format!("{given:?}"), "GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Code;

    fn written(in_path: Option<&str>, params: Value) -> Result<Option<String>> {
        query(in_path.map(str::to_owned), params.as_object())
    }

    #[test]
    fn parameters_are_written_one_by_one() {
        let params = json!({
            "jql": "project = \"A&B\" AND text ~ 'ü+%'", "fields": ["summary", "a,b"], "maxResults": 50, "ratio": 0.5,
            "big": 18_446_744_073_709_551_615_u64, "flag": true, "none": null, "empty": [], "some": [null, 1], "a b": "~._-",
            "${refresh_token}": "{cloudId}",
        });
        assert_eq!(
            written(Some("x=1"), params).unwrap().unwrap(),
            "x=1&jql=project%20%3D%20%22A%26B%22%20AND%20text%20~%20%27%C3%BC%2B%25%27&fields=summary&fields=a%2Cb\
             &maxResults=50&ratio=0.5&big=18446744073709551615&flag=true&some=1&a%20b=~._-\
             &%24%7Brefresh_token%7D=%7BcloudId%7D"
        );
        assert_eq!(written(None, json!({ "none": null })).unwrap(), None);
    }

    #[test]
    fn parameters_of_parameters_are_refused() {
        for params in [json!({ "a": { "b": 1 } }), json!({ "a": [[1]] }), json!({ "a": [{}] })] {
            assert_eq!(written(None, params).unwrap_err().code(), Code::InvalidArgument);
        }
    }

    #[test]
    fn headers_of_ours_and_broken_ones_are_refused_without_their_values() {
        for (name, value) in [
            ("Authorization", "canary"),
            ("authorization", "canary"),
            ("HOST", "canary"),
            ("Content-Length", "canary"),
            ("transfer-encoding", "canary"),
            ("Connection", "canary"),
            ("Cookie", "canary"),
            ("a b", "canary"),
            ("", "canary"),
            ("x\r\ny", "canary"),
            ("x", "canary\r\nevil: 1"),
            ("x", "canary\0"),
        ] {
            let given = json!({ name: value });
            let error = headers(given.as_object(), false).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{name}");
            assert_eq!(error.context()["option"], "headers");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        let given = json!({ "X-Atlassian-Token": "no-check", "n": 1, "none": null });
        let headers = headers(given.as_object(), false).unwrap();
        assert_eq!(
            (headers.len(), &headers["x-atlassian-token"]),
            (2, &HeaderValue::from_static("no-check"))
        );
    }

    #[test]
    fn what_other_clients_set_by_themselves_is_left_out_of_relayed_requests() {
        let given = json!({ "authorization": "Bearer x", "Host": "h", "cookie": "c", "x-kept": "k", "accept-encoding": "x" });
        let kept = headers(given.as_object(), true).unwrap();
        assert_eq!((kept.len(), &kept["x-kept"]), (1, &HeaderValue::from_static("k")));
        let broken = json!({ "x": "canary\r\nevil: 1" });
        assert!(headers(broken.as_object(), true).is_err());
    }

    #[test]
    fn methods_are_known_ones_in_any_case() {
        assert_eq!(method("get").unwrap(), Method::GET);
        for given in ["", "TRACE", "CONNECT", "GET /", "G\0T"] {
            assert_eq!(method(given).unwrap_err().code(), Code::InvalidArgument);
        }
    }
}
