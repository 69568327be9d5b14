//! `threelo request`: a call as with curl, without the token in anybody's hand.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};

use serde_json::{Map, Value};
use threelo_core::request::Response;
use threelo_core::{Client, PaginateOptions, RequestOptions};

use crate::args::Request;
use crate::output::Output;
use crate::{Failure, Outcome};

pub(super) async fn run(client: &Client, output: &Output, asked: &Request) -> Outcome {
    let body = asked.data.as_deref().map(body).transpose()?;
    let (method, path) = match &asked.path {
        Some(path) => (asked.method_or_path.to_ascii_uppercase(), path.clone()),
        None => (if body.is_some() { "POST" } else { "GET" }.to_owned(), asked.method_or_path.clone()),
    };
    let params = (!asked.query.is_empty()).then(|| query(&asked.query)).transpose()?;
    if asked.paginate {
        return listing(client, output, asked, (method, path), (params, body)).await;
    }
    let mut options = RequestOptions::new(&*asked.id, method, path);
    options.params = params;
    options.json = body;
    options.headers = (!asked.headers.is_empty()).then(|| headers(&asked.headers)).transpose()?;
    options.site.clone_from(&asked.site);
    let response = client.proxy_request(options).await?;
    if asked.include {
        output.line(format!("{} {}", response.status, response.url));
        for (name, value) in &response.headers {
            output.line(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        }
        output.line("");
    }
    write(&response, asked)?;
    Ok(response.error_for_status()?)
}

/// Every item on a line of its own.
async fn listing(
    client: &Client,
    output: &Output,
    asked: &Request,
    (method, path): (String, String),
    (params, body): (Option<Map<String, Value>>, Option<Value>),
) -> Outcome {
    let mut options = PaginateOptions::new(&*asked.id, path);
    options.method = method;
    options.params = params;
    options.json = match body {
        None => None,
        Some(Value::Object(object)) => Some(object),
        Some(_) => return Err(Failure::Usage("the body of a listing must be a JSON object".to_owned())),
    };
    options.site.clone_from(&asked.site);
    options.limit = asked.limit;
    let mut out = sink(asked)?;
    let mut pages = client.paginate(options)?;
    let mut count = 0_usize;
    while let Some(page) = pages.next_page().await? {
        count += page.items().len();
        for item in page.items() {
            if put(&mut out, item.as_bytes()).and_then(|()| put(&mut out, b"\n")).is_err() {
                return Ok(());
            }
        }
        output.note(format!("{count} items"));
    }
    Ok(())
}

fn write(response: &Response, asked: &Request) -> Outcome {
    let to_terminal = asked.output.is_none() && io::stdout().is_terminal();
    let pretty = match serde_json::from_slice::<Value>(&response.body) {
        Ok(value) if to_terminal => serde_json::to_string_pretty(&value).ok(),
        _ => None,
    };
    let body = pretty.as_ref().map_or(&*response.body, |text| text.as_bytes());
    let mut out = sink(asked)?;
    let written = put(&mut out, body);
    let written =
        if to_terminal && !body.is_empty() { written.and_then(|()| put(&mut out, b"\n")) } else { written };
    match written {
        // A reader that has gone, such as `head`, is no failure.
        Err(error) if asked.output.is_some() => Err(Failure::Io("writing the body".to_owned(), error)),
        _ => Ok(()),
    }
}

fn put(out: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes).and_then(|()| out.flush())
}

fn sink(asked: &Request) -> Outcome<Box<dyn io::Write + Send>> {
    Ok(match &asked.output {
        None => Box::new(io::stdout()),
        Some(path) => {
            let file = File::create(path);
            Box::new(file.map_err(|error| Failure::Io(format!("writing {}", path.display()), error))?)
        }
    })
}

/// JSON as given, or from a file.
fn body(given: &str) -> Outcome<Value> {
    let text = match given.strip_prefix('@') {
        None => given.to_owned(),
        Some("-") => {
            let mut text = String::new();
            let read = io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::Io("reading standard input".to_owned(), error))?;
            text
        }
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| Failure::Io(format!("reading {path}"), error))?
        }
    };
    serde_json::from_str(&text).map_err(|error| Failure::Usage(format!("the body is not JSON: {error}")))
}

fn headers(given: &[String]) -> Outcome<Map<String, Value>> {
    let pairs = given.iter().map(|line| {
        let wrong = || Failure::Usage("a header must read NAME: VALUE".to_owned());
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        Ok((name.trim().to_owned(), Value::from(value.trim())))
    });
    pairs.collect()
}

/// A name that is repeated becomes a list.
fn query(given: &[String]) -> Outcome<Map<String, Value>> {
    let mut params: Map<String, Value> = Map::new();
    for pair in given {
        let wrong = || Failure::Usage("a query parameter must read NAME=VALUE".to_owned());
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        match params.get_mut(name) {
            None => drop(params.insert(name.to_owned(), value.into())),
            Some(Value::Array(list)) => list.push(value.into()),
            Some(one) => *one = vec![one.take(), value.into()].into(),
        }
    }
    Ok(params)
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
    fn a_header_is_split_at_the_first_colon() {
        let Ok(headers) = headers(&["X-Time: 10:30".to_owned()]) else { panic!() };
        assert_eq!(Value::Object(headers), json!({ "X-Time": "10:30" }));
    }
}
