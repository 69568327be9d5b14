//! Parts of a call as they are written on a command line.

use std::io::{self, Read as _};

use serde_json::{Map, Value};
use threelo_core::Upload;

use crate::{Failure, Outcome};

/// A body as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Json(Value),
    /// Of the type that a header names.
    Raw(Vec<u8>),
}

/// A body as given, or from a file. It is JSON unless a header says otherwise.
pub(super) fn body(given: &str, headers: &Map<String, Value>) -> Outcome<Body> {
    let bytes = match given.strip_prefix('@') {
        None => given.as_bytes().to_vec(),
        Some("-") => {
            let mut bytes = Vec::new();
            let read = io::stdin().read_to_end(&mut bytes);
            read.map_err(|error| Failure::Io("reading standard input".to_owned(), error))?;
            bytes
        }
        Some(path) => std::fs::read(path).map_err(|error| Failure::Io(format!("reading {path}"), error))?,
    };
    let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let kind = kind.and_then(|(_, kind)| kind.as_str()).unwrap_or("application/json");
    if !kind.to_ascii_lowercase().contains("json") {
        return Ok(Body::Raw(bytes));
    }
    let json = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::Usage(format!(
            "the body is not JSON: {error}; one of another kind needs its type, such as -H 'Content-Type: text/plain'"
        ))
    });
    json.map(Body::Json)
}

/// Headers of a name that is repeated, in whichever case, are one header with a list (RFC 9110, 5.3).
pub(super) fn headers(given: &[String]) -> Outcome<Map<String, Value>> {
    let mut headers: Map<String, Value> = Map::new();
    for line in given {
        let wrong = || Failure::Usage("a header must read NAME: VALUE".to_owned());
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let (name, value) = (name.trim(), value.trim());
        match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, list)) => *list = format!("{}, {value}", list.as_str().unwrap_or_default()).into(),
            None => drop(headers.insert(name.to_owned(), value.into())),
        }
    }
    Ok(headers)
}

/// A name that is repeated becomes a list.
pub(super) fn query(given: &[String]) -> Outcome<Map<String, Value>> {
    let mut params: Map<String, Value> = Map::new();
    for pair in given {
        let wrong = || Failure::Usage("a query parameter must read NAME=VALUE".to_owned());
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        add(&mut params, name, value);
    }
    Ok(params)
}

/// The fields and the files of a form: `NAME=VALUE`, or `NAME=@FILE` with what curl lets stand behind it.
pub(super) fn form(given: &[String]) -> Outcome<(Map<String, Value>, Vec<Upload>)> {
    let (mut fields, mut files) = (Map::new(), Vec::new());
    for part in given {
        let wrong = || Failure::Usage("a part of a form must read NAME=VALUE or NAME=@FILE".to_owned());
        let (name, value) = part.split_once('=').ok_or_else(wrong)?;
        match value.strip_prefix('@').filter(|file| !file.is_empty()) {
            None => add(&mut fields, name, value),
            Some(file) => files.push(upload(name, file)?),
        }
    }
    Ok((fields, files))
}

fn upload(field: &str, given: &str) -> Outcome<Upload> {
    let mut parts = given.split(';');
    let mut file = Upload::path(parts.next().unwrap_or_default());
    file.field = Some(field.to_owned());
    for part in parts {
        match part.split_once('=') {
            Some(("type", kind)) => file.content_type = Some(kind.to_owned()),
            Some(("filename", name)) => file.filename = Some(name.to_owned()),
            _ => return Err(Failure::Usage("behind a file may stand ;type=… and ;filename=…".to_owned())),
        }
    }
    Ok(file)
}

fn add(to: &mut Map<String, Value>, name: &str, value: &str) {
    match to.get_mut(name) {
        None => drop(to.insert(name.to_owned(), value.into())),
        Some(Value::Array(list)) => list.push(value.into()),
        Some(one) => *one = vec![one.take(), value.into()].into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn repeated_parameters_are_lists() {
        let given = ["expand=a", "jql=x = \"1=2\"", "expand=b", "expand=c"].map(str::to_owned);
        let Ok(params) = query(&given) else { panic!() };
        assert_eq!(Value::Object(params), json!({ "expand": ["a", "b", "c"], "jql": "x = \"1=2\"" }));
        assert!(matches!(query(&["x".to_owned()]), Err(Failure::Usage(_))));
    }

    #[test]
    fn a_form_has_fields_and_files() {
        let given = [
            "file=@a/b.csv;type=text/plain",
            "file=@c.txt;filename=d.txt",
            "comment=x=y",
            "as=@",
            "n=1",
            "n=2",
        ];
        let Ok((fields, files)) = form(&given.map(str::to_owned)) else { panic!() };
        assert_eq!(Value::Object(fields), json!({ "comment": "x=y", "as": "@", "n": ["1", "2"] }));
        let told = files
            .iter()
            .map(|file| (file.field.as_deref(), file.filename.as_deref(), file.content_type.as_deref()));
        let first = (Some("file"), Some("b.csv"), Some("text/plain"));
        assert_eq!(told.collect::<Vec<_>>(), [first, (Some("file"), Some("d.txt"), None)]);
        for wrong in ["name", "file=@a;size=1"] {
            assert!(matches!(form(&[wrong.to_owned()]), Err(Failure::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn a_header_is_split_at_the_first_colon() {
        let Ok(headers) = headers(&["X-Time: 10:30".to_owned()]) else { panic!() };
        assert_eq!(Value::Object(headers), json!({ "X-Time": "10:30" }));
    }

    #[test]
    fn headers_that_are_repeated_are_all_sent() {
        let given = ["Accept: text/plain", "X-A: 1", "accept: text/html"].map(str::to_owned);
        let Ok(headers) = headers(&given) else { panic!() };
        assert_eq!(Value::Object(headers), json!({ "Accept": "text/plain, text/html", "X-A": "1" }));
    }

    #[test]
    fn a_body_is_json_unless_a_header_says_otherwise() {
        let of = |kind: &str| Map::from_iter([("content-type".to_owned(), kind.into())]);
        let Ok(read) = body("[1]", &Map::new()) else { panic!() };
        assert_eq!(read, Body::Json(json!([1])));
        let Ok(read) = body("[1]", &of("application/json-patch+json")) else { panic!() };
        assert_eq!(read, Body::Json(json!([1])));
        let Ok(read) = body("a: [", &of("text/yaml")) else { panic!() };
        assert_eq!(read, Body::Raw(b"a: [".to_vec()));
        let Err(Failure::Usage(told)) = body("a: [", &Map::new()) else { panic!() };
        assert!(told.contains("Content-Type"), "{told}");
    }
}
