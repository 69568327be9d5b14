//! `threelo request`: a call as with curl, without the token in anybody's hand.

use std::fs::File;
use std::io::{self, IsTerminal as _};

use serde_json::{Map, Value};
use threelo_core::request::Response;
use threelo_core::{Client, PaginateOptions, RequestOptions};

use super::parts::{body, form, headers, query};
use crate::args::Request;
use crate::output::Output;
use crate::{Failure, Outcome};

pub(super) async fn run(client: &Client, output: &Output, asked: &Request) -> Outcome {
    let body = asked.data.as_deref().map(body).transpose()?;
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
    options.json = body;
    if !asked.form.is_empty() {
        let (fields, files) = form(&asked.form)?;
        (options.form, options.files) = (Some(fields), Some(files));
    }
    // A body for a file may be of any size.
    options.stream = asked.output.is_some();
    options.headers = (!asked.headers.is_empty()).then(|| headers(&asked.headers)).transpose()?;
    options.site.clone_from(&asked.site);
    options.timeout = asked.timeout;
    let mut response = client.proxy_request(options).await?;
    if asked.include {
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
    options.cursor.clone_from(&asked.cursor);
    options.timeout = asked.timeout;
    let mut out = sink(asked)?;
    let mut pages = client.paginate(options)?;
    let (mut count, mut next) = (0_usize, None);
    while let Some(page) = pages.next_page().await? {
        count += page.items().len();
        for item in page.items() {
            if put(&mut out, item.as_bytes()).and_then(|()| put(&mut out, b"\n")).is_err() {
                return Ok(());
            }
        }
        output.note(format!("{count} items"));
        next = pages.cursor(page.items().len());
    }
    if let Some(cursor) = next {
        output.note(format!("there is more: --cursor {cursor}"));
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
