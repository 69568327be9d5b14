//! `threelo request`: a call as with curl, without the token in anybody's hand.

use std::fs::File;
use std::io::{self, IsTerminal as _};

use serde_json::{Map, Value, json};
use threelo_core::request::Response;
use threelo_core::{Client, PaginateOptions, RequestOptions};

use super::parts::{Body, body, form, headers, query};
use crate::args::Request;
use crate::output::Output;
use crate::{Failure, Outcome};

pub(super) async fn run(client: &Client, output: &Output, asked: &Request) -> Outcome {
    let headers = headers(&asked.headers)?;
    let body = asked.data.as_deref().map(|given| body(given, &headers)).transpose()?;
    let (method, path) = match &asked.path {
        Some(path) => (asked.method_or_path.to_ascii_uppercase(), path.clone()),
        None => {
            let method = if body.is_some() || !asked.form.is_empty() { "POST" } else { "GET" };
            (method.to_owned(), asked.method_or_path.clone())
        }
    };
    let params = (!asked.query.is_empty()).then(|| query(&asked.query)).transpose()?;
    if asked.paginate {
        return listing(client, output, asked, (method, path), (params, body)).await;
    }
    let mut options = RequestOptions::new(&*asked.id, method, path);
    options.params = params;
    match body {
        Some(Body::Json(json)) => options.json = Some(json),
        Some(Body::Raw(bytes)) => options.data = Some(bytes.into()),
        None => {}
    }
    if !asked.form.is_empty() {
        let (fields, files) = form(&asked.form)?;
        (options.form, options.files) = (Some(fields), Some(files));
    }
    // A body for a file may be of any size.
    options.stream = asked.output.is_some();
    options.headers = Some(headers).filter(|headers| !headers.is_empty());
    options.site.clone_from(&asked.site);
    options.timeout = asked.timeout;
    let mut response = client.proxy_request(options).await?;
    if asked.include && output.json {
        // One object for both, unless the body goes into a file.
        let body = asked.output.is_none().then(|| read(&response.body));
        output.data(&described(&response, body), String::new);
        if asked.output.is_none() {
            return Ok(response.error_for_status()?);
        }
    } else if asked.include {
        output.line(format!("{} {}", response.status, response.url));
        for (name, value) in &response.headers {
            output.line(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        }
        output.line("");
    }
    match &asked.output {
        Some(path) if response.is_streamed() => drop(response.download().save(path).await?),
        _ => write(&response, asked)?,
    }
    Ok(response.error_for_status()?)
}

/// A body as JSON: what it holds, or else its text.
fn read(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

/// The head of an answer, and its body where it is shown.
fn described(response: &Response, body: Option<Value>) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &response.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match headers.get_mut(name.as_str()) {
            Some(list) => *list = format!("{}, {value}", list.as_str().unwrap_or_default()).into(),
            None => drop(headers.insert(name.to_string(), value.into())),
        }
    }
    let mut told = Map::from_iter([
        ("status".to_owned(), response.status.into()),
        ("url".to_owned(), response.url.to_string().into()),
        ("headers".to_owned(), Value::Object(headers)),
    ]);
    told.extend(body.map(|body| ("body".to_owned(), body)));
    Value::Object(told)
}

/// Every item on a line of its own.
async fn listing(
    client: &Client,
    output: &Output,
    asked: &Request,
    (method, path): (String, String),
    (params, body): (Option<Map<String, Value>>, Option<Body>),
) -> Outcome {
    let mut options = PaginateOptions::new(&*asked.id, path);
    options.method = method;
    options.params = params;
    options.json = match body {
        None => None,
        Some(Body::Json(Value::Object(object))) => Some(object),
        Some(_) => return Err(Failure::Usage("the body of a listing must be a JSON object".to_owned())),
    };
    options.site.clone_from(&asked.site);
    options.limit = asked.limit;
    options.cursor.clone_from(&asked.cursor);
    options.timeout = asked.timeout;
    let mut out = sink(asked)?;
    let mut pages = client.paginate(options)?;
    let (mut count, mut next) = (0_usize, None);
    while let Some(page) = pages.next_page().await? {
        count += page.items().len();
        for item in page.items() {
            match put(&mut out, item.as_bytes()).and_then(|()| put(&mut out, b"\n")) {
                Ok(()) => {}
                Err(error) => return unwritten(error, asked),
            }
        }
        output.note(format!("{count} items"));
        next = pages.cursor(page.items().len());
    }
    if let Some(cursor) = next {
        output.aside(&json!({ "cursor": cursor }), || format!("there is more: --cursor {cursor}"));
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
    written.or_else(|error| unwritten(error, asked))
}

/// A reader that has gone, such as `head`, is no failure; what cannot be written anywhere else is one.
fn unwritten(error: io::Error, asked: &Request) -> Outcome {
    if asked.output.is_none() && error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    let place =
        asked.output.as_ref().map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
    Err(Failure::Io(format!("writing to {place}"), error))
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
