//! The Rust client as the vectors see it: a verb's name and options in, a record or an error out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use threelo_core::body::Body;
use threelo_core::request::Response;
use threelo_core::{
    Call, Casing, Client, ClientOptions, Code, ConnectionsOptions, Error, Many, ManyOptions, PaginateOptions,
    RequestOptions, Upload,
};

/// Opens a client from options as a binding would hand them over.
pub(crate) async fn open(mut options: Map<String, Value>) -> Result<Client, Error> {
    if let Some(key) = options.get_mut("encryption_key") {
        *key = bytes_as_base64(key.take());
    }
    Client::open(ClientOptions::decode(&json!(options).to_string(), Casing::Snake)?).await
}

/// Runs a step's verb.
pub(crate) async fn call(client: &Client, verb: &str, options: &Value, step: &Value) -> Result<Value, Error> {
    match verb {
        "proxy_request" => request(client, options, step).await,
        "paginate" => paginate(client, options, step).await,
        "connections" if step.get("collect").is_some() => connections(client, options, step).await,
        _ => {
            let call = Call::decode(verb, &options.to_string(), Casing::Snake)?;
            client.call(call).await.map(|text| serde_json::from_str(&text).unwrap())
        }
    }
}

/// A body as it is crosses beside the JSON, as in the bindings.
fn beside(options: &Value) -> (String, Option<bytes::Bytes>) {
    let mut options = options.as_object().unwrap().clone();
    let data = options.remove("data").map(|data| match data {
        Value::String(text) => text.into_bytes(),
        bytes => STANDARD.decode(bytes["$base64"].as_str().unwrap()).unwrap(),
    });
    (json!(options).to_string(), data.map(Into::into))
}

/// Begins a call for many.
pub(crate) fn many(client: &Client, options: &Value) -> Result<Many, Error> {
    let (text, data) = beside(options);
    client.proxy_request_many(ManyOptions::decode(&text, data, Casing::Snake)?)
}

/// Results in an order of their own, and beside them the order they came in. What is to be done meanwhile is done after
/// so many of them.
pub(crate) async fn results(
    mut many: Many,
    mut meanwhile: Option<(u64, BoxFuture<'_, Result<Value, String>>)>,
) -> Result<Value, String> {
    let mut records = Vec::new();
    while let Some(result) = many.next().await {
        let mut record: Value = serde_json::from_str(&result.head_to_json()).unwrap();
        let (response, error) = match result.outcome {
            Ok(response) => (shown(&response), Value::Null),
            Err(error) => (Value::Null, json!({ "code": error.code().as_str() })),
        };
        (record["response"], record["error"]) = (response, error);
        records.push(record);
        if let Some((_, control)) = meanwhile.take_if(|(after, _)| *after == records.len() as u64) {
            control.await?;
        }
    }
    let order: Vec<Value> = records.iter().map(|record| record["id"].clone()).collect();
    records.sort_by_key(|record| (record["id"].to_string(), record["site"]["url"].to_string()));
    Ok(json!({ "results": records, "order": order }))
}

async fn request(client: &Client, options: &Value, step: &Value) -> Result<Value, Error> {
    let mut options = options.clone();
    let files = match &options["files"] {
        Value::Array(files) => Some(files.iter().map(upload).collect()),
        one @ Value::Object(_) => Some(vec![upload(one)]),
        // What is no file crosses under its name, as in the bindings.
        _ => None,
    };
    if files.is_some() {
        options.as_object_mut().unwrap().remove("files");
    }
    let (text, data) = beside(&options);
    let options = RequestOptions::decode(&text, data, files, Casing::Snake)?;
    let mut response = client.proxy_request(options).await?;
    if step["raise_for_status"] == true {
        response.error_for_status()?;
    }
    if response.is_streamed() {
        let mut download = response.download();
        let mut body = Vec::new();
        while let Some(piece) = download.next().await? {
            body.extend_from_slice(&piece);
        }
        response.body = body.into();
    }
    Ok(shown(&response))
}

fn shown(response: &Response) -> Value {
    let mut headers = Map::new();
    for (name, value) in &response.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.insert(name.as_str().to_owned(), value.into());
    }
    let mut record = json!({
        "status": response.status, "url": response.url, "attempts": response.attempts,
        "history": response.history, "headers": headers,
    });
    record["text"] = response.text().into();
    if let Ok(body) = serde_json::from_slice::<Value>(&response.body) {
        record["json"] = body;
    }
    record
}

/// `{"$base64": …}`, or `{"$file": {"text", "as", "filename", "content_type", "field"}}`.
fn upload(given: &Value) -> Upload {
    let Some(file) = given.get("$file") else {
        return Upload::new(Bytes::from(STANDARD.decode(given["$base64"].as_str().unwrap()).unwrap()));
    };
    let part = |name: &str| file[name].as_str().map(str::to_owned);
    let text = part("text");
    let mut upload = match (file["as"].as_str(), text) {
        (Some("path"), None) => Upload::path(part("path").unwrap()),
        (Some("path"), Some(text)) => {
            std::fs::write(part("path").unwrap(), text).unwrap();
            Upload::path(part("path").unwrap())
        }
        (Some("stream"), Some(text)) => {
            let pieces: Vec<_> =
                text.into_bytes().chunks(3).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            Upload::new(Body::once(futures::stream::iter(pieces).boxed(), None))
        }
        (None | Some("bytes"), Some(text)) => Upload::new(Bytes::from(text)),
        other => panic!("what file is {other:?}?"),
    };
    upload.field = part("field");
    upload.filename = part("filename").or(upload.filename);
    upload.content_type = part("content_type");
    upload
}

async fn paginate(client: &Client, options: &Value, step: &Value) -> Result<Value, Error> {
    let options = PaginateOptions::decode(&options.to_string(), Casing::Snake)?;
    let mut paginator = client.paginate(options)?;
    let take = step["take"].as_u64().map_or(usize::MAX, |take| usize::try_from(take).unwrap());
    let (mut items, mut pages, mut consumed) = (Vec::new(), Vec::new(), 0);
    while items.len() < take && pages.len() < take {
        let Some(page) = paginator.next_page().await? else {
            consumed = 0;
            break;
        };
        let page: Vec<Value> = page.read()?;
        consumed = page.len();
        if step["collect"] == "pages" {
            pages.push(Value::from(page));
        } else {
            consumed = consumed.min(take - items.len());
            items.extend(page.into_iter().take(consumed));
        }
    }
    let cursor = paginator.cursor(consumed);
    Ok(if step["collect"] == "pages" {
        json!({ "pages": pages, "cursor": cursor })
    } else {
        json!({ "items": items, "cursor": cursor })
    })
}

async fn connections(client: &Client, options: &Value, step: &Value) -> Result<Value, Error> {
    let Call::Connections(first) = Call::decode("connections", &options.to_string(), Casing::Snake)? else {
        return Err(Error::new(Code::InvalidArgument, "connections was read as another verb"));
    };
    let mut asked: ConnectionsOptions = first;
    let mut items = Vec::new();
    loop {
        let page = client.connections(asked.clone()).await?;
        items.extend(page.items.iter().map(|item| serde_json::to_value(item).unwrap()));
        let take = step["take"].as_u64().map_or(usize::MAX, |take| usize::try_from(take).unwrap());
        if items.len() > take {
            // Inside a page one goes on after the last id that was handed out.
            items.truncate(take);
            return Ok(json!({ "cursor": items.last().map(|one| &one["id"]), "items": items }));
        }
        if page.cursor.is_none() || items.len() == take {
            return Ok(json!({ "items": items, "cursor": page.cursor }));
        }
        asked.cursor = page.cursor;
    }
}

/// Bytes cross as base64 where an option is a secret text.
fn bytes_as_base64(value: Value) -> Value {
    match value {
        Value::Object(mut bytes) => bytes.remove("$base64").unwrap(),
        Value::Array(items) => items.into_iter().map(bytes_as_base64).collect(),
        other => other,
    }
}

/// An error as the vectors write it, and what holds for every error.
pub(crate) fn record(error: &Error, secrets: &[String]) -> Value {
    assert!(!error.message().is_empty() && !error.hint().is_empty(), "{error} says nothing");
    let option = error.context().get("option").and_then(Value::as_str).unwrap_or("");
    assert!(error.message().contains(option), "the option's name stands in: {error}");
    let record = json!({
        "code": error.code().as_str(), "message": error.message(), "hint": error.hint(),
        "retryable": error.retryable(), "status": error.status(), "context": error.context(),
    });
    let told = format!("{record}{error}{error:?}");
    let leaked = leaked(&told, secrets);
    assert!(leaked.is_empty(), "{} tells {leaked:?}", error.code());
    record
}

/// The secrets that stand in a text.
pub(crate) fn leaked(told: &str, secrets: &[String]) -> Vec<String> {
    secrets.iter().filter(|secret| told.contains(secret.as_str())).cloned().collect()
}
