//! Whole listings over servers that clamp, leave windows empty, repeat themselves, and worse.

mod ahead;
mod hostile;
mod searches;
mod walks;

use std::cell::RefCell;
use std::sync::Mutex;

use futures::FutureExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::lock::lock;

/// What the fake server answers, given the request and how many came before it.
type Respond = Box<dyn Fn(RequestOptions, usize) -> BoxFuture<'static, Response> + Send + Sync>;

struct Fake {
    respond: Respond,
    asked: Mutex<usize>,
    background: bool,
    cloud_id: String,
    key: String,
}

impl Fetch for Fake {
    fn fetch(&self, options: RequestOptions) -> BoxFuture<'_, Result<(Response, String)>> {
        let before = {
            let mut asked = lock(&self.asked);
            *asked += 1;
            *asked - 1
        };
        let response = (self.respond)(options, before);
        response.map(|response| Ok((response, self.cloud_id.clone()))).boxed()
    }

    fn background(&self) -> bool {
        self.background
    }

    fn seals(&self, text: &str) -> Vec<Vec<u8>> {
        vec![Sha256::digest(format!("{}{text}", self.key)).to_vec()]
    }
}

impl Fake {
    fn asked(&self) -> usize {
        *lock(&self.asked)
    }
}

fn slow(
    respond: impl Fn(RequestOptions, usize) -> BoxFuture<'static, Response> + Send + Sync + 'static,
) -> Arc<Fake> {
    let respond = Box::new(respond);
    Arc::new(Fake {
        respond,
        asked: Mutex::new(0),
        background: true,
        cloud_id: "cloud".into(),
        key: "key".into(),
    })
}

fn fake(answer: impl Fn(&RequestOptions, usize) -> Response + Send + Sync + 'static) -> Arc<Fake> {
    slow(move |options, count| futures::future::ready(answer(&options, count)).boxed())
}

fn page(body: &Value) -> Response {
    Response::of(200, &body.to_string())
}

fn options(method: &str, limit: Option<u64>, cursor: Option<String>) -> PaginateOptions {
    PaginateOptions { method: method.into(), limit, cursor, ..PaginateOptions::new("user-42", "/rest/x") }
}

thread_local!(static RUNTIME: RefCell<tokio::runtime::Runtime> = RefCell::new(
    tokio::runtime::Builder::new_current_thread().build().unwrap()
));

/// Lets everything run that can.
fn settle() {
    let some = async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    };
    RUNTIME.with_borrow(|runtime| runtime.block_on(some));
}

fn next(paginator: &mut Paginator) -> Result<Option<Vec<u64>>> {
    let page = RUNTIME.with_borrow(|runtime| runtime.block_on(paginator.next_page()))?;
    page.map(|page| Ok(page.read::<Value>()?.iter().map(number).collect())).transpose()
}

/// Items are numbers, or people whose address is one.
fn number(item: &Value) -> u64 {
    item.as_u64().unwrap_or_else(|| item["self"].as_str().unwrap().parse().unwrap())
}

/// A number or text the request has under this name, wherever it stands.
fn asked(options: &RequestOptions, name: &str) -> Option<Value> {
    let body = options.json.as_ref().and_then(Value::as_object);
    options.params.as_ref().and_then(|p| p.get(name)).or_else(|| body.and_then(|b| b.get(name))).cloned()
}

fn start_of(options: &RequestOptions) -> usize {
    asked(options, "startAt").map_or(0, |at| usize::try_from(at.as_u64().unwrap()).unwrap())
}

/// A counted listing: runs of items and of holes, of which each page sees one kind, at most a clamp at a time.
fn counted(slots: Vec<bool>, clamps: Vec<usize>, with_last: bool) -> Arc<Fake> {
    fake(move |options, count| {
        let start = start_of(options);
        let clamp = clamps[count % clamps.len()];
        let kind = slots.get(start).copied().unwrap_or(true);
        let window = slots.iter().skip(start).take(clamp).take_while(|slot| **slot == kind).count();
        let values: Vec<usize> = if kind { (start..start + window).collect() } else { Vec::new() };
        let mut body =
            json!({ "startAt": start, "maxResults": window, "total": slots.len(), "values": values });
        if with_last {
            body["isLast"] = json!(start + window >= slots.len());
            // Not to be trusted where isLast is there.
            body["total"] = json!(0);
        }
        page(&body)
    })
}

/// A chained listing; pages can be empty on the way.
fn chained(total: usize, clamps: Vec<usize>) -> Arc<Fake> {
    fake(move |options, count| {
        let token = asked(options, "nextPageToken").map(|token| token.as_str().unwrap().to_owned());
        // The second number makes tokens of empty pages differ, as a server's do.
        let (start, step) = token.map_or((0, 0), |token| {
            let (start, step) = token.split_once('.').unwrap();
            (start.parse().unwrap(), step.parse::<usize>().unwrap())
        });
        let end = (start + clamps[count % clamps.len()] - 1).min(total);
        let issues: Vec<usize> = (start..end).collect();
        let token = (end < total).then(|| format!("{end}.{}", step + 1));
        let mut body = json!({ "issues": issues, "isLast": token.is_none() });
        if let Some(token) = token {
            body["nextPageToken"] = json!(token);
        }
        page(&body)
    })
}
