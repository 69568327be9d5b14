//! Faults on demand: which requests they hit, and what they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Before or after the request is acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// Nothing has happened yet.
    Before,
    /// It has happened, but the client does not know.
    After,
}

/// What goes wrong; parts can be combined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the README describes them")]
pub(crate) struct Kind {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hold: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reset: Option<When>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) html: Option<u16>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) malformed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncate: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<bool>,
}

/// A fault as it is ordered; see the README for its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Only requests with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests of this path, or of all paths with what stands before a `*` at its end.
    pub path: String,
    /// At the token endpoint: only exchanges of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// What goes wrong: an object, or a list of them that apply together.
    // Kept as a value first: the message for an untagged enum would not say which field is wrong.
    pub kind: Value,
    /// How often; 0: until it is cleared.
    #[serde(default = "once")]
    pub times: u64,
    /// How many requests that fit go by before it.
    #[serde(default)]
    pub skip: u64,
}

fn once() -> u64 {
    1
}

/// A fault that hit a request.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// Its id.
    pub(crate) id: u64,
    /// What goes wrong.
    pub(crate) kind: Arc<Kind>,
    released: watch::Receiver<bool>,
    waiting: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Fault {
    id: u64,
    order: Order,
    kind: Arc<Kind>,
    /// `None`: until cleared.
    left: Option<u64>,
    skip: u64,
    hits: u64,
    release: watch::Sender<bool>,
    waiting: Arc<AtomicU64>,
}

/// All faults ordered.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Mutex<(u64, Vec<Fault>)>,
}

impl Faults {
    /// These faults, from the start.
    pub(crate) fn ordered(orders: &[Order]) -> Result<Self, String> {
        let faults = Self::default();
        for (at, order) in orders.iter().enumerate() {
            faults.add(order.clone()).map_err(|why| format!("faults: number {}: {why}", at + 1))?;
        }
        Ok(faults)
    }

    /// Others instead of those there are, which are let go. Ids go on, so that none means two faults.
    pub(crate) fn replace(&self, others: Self) {
        let mut list = self.list.lock();
        let (_, mut fresh) = others.list.into_inner();
        for fault in &mut fresh {
            fault.id += list.0;
        }
        list.0 += fresh.len() as u64;
        list.1 = fresh;
    }

    /// Orders a fault; answers its id.
    pub(crate) fn add(&self, order: Order) -> Result<u64, String> {
        let kind = Arc::new(Kind::read(&order.kind)?);
        let mut list = self.list.lock();
        list.0 += 1;
        let id = list.0;
        let (left, skip) = ((order.times > 0).then_some(order.times), order.skip);
        let (release, waiting) = (watch::Sender::new(false), Arc::default());
        list.1.push(Fault { id, order, kind, left, skip, hits: 0, release, waiting });
        Ok(id)
    }

    /// The fault that hits this request, if any.
    pub(crate) fn hit(&self, method: &str, path: &str, grant_type: Option<&str>) -> Option<Hit> {
        let mut list = self.list.lock();
        for fault in list.1.iter_mut().filter(|fault| fault.order.fits(method, path, grant_type)) {
            if fault.left == Some(0) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.left = fault.left.map(|left| left - 1);
            fault.hits += 1;
            let (released, waiting) = (fault.release.subscribe(), fault.waiting.clone());
            return Some(Hit { id: fault.id, kind: fault.kind.clone(), released, waiting });
        }
        None
    }

    /// Lets requests go that wait; answers whether there is such a fault.
    pub(crate) fn release(&self, id: u64) -> bool {
        let list = self.list.lock();
        let fault = list.1.iter().find(|fault| fault.id == id);
        fault.map(|fault| fault.release.send_replace(true)).is_some()
    }

    /// Removes one fault or all; what waits is let go.
    pub(crate) fn clear(&self, only: Option<u64>) {
        // Dropping the sender wakes those who wait.
        self.list.lock().1.retain(|fault| only.is_some_and(|id| id != fault.id));
    }

    /// All faults, for the control API.
    pub(crate) fn show(&self) -> Value {
        let show = |fault: &Fault| {
            json!({
                "id": fault.id, "path": fault.order.path, "method": fault.order.method,
                "grant_type": fault.order.grant_type, "kind": *fault.kind, "left": fault.left, "skip": fault.skip,
                "hits": fault.hits, "waiting": fault.waiting.load(Ordering::SeqCst),
            })
        };
        Value::Array(self.list.lock().1.iter().map(show).collect())
    }
}

impl Order {
    fn fits(&self, method: &str, path: &str, grant_type: Option<&str>) -> bool {
        let path_fits = match self.path.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => path == self.path,
        };
        path_fits
            && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.grant_type.as_ref().is_none_or(|wanted| Some(wanted.as_str()) == grant_type)
    }
}

impl Hit {
    /// Waits until released.
    pub(crate) async fn wait(mut self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        // An error means that the fault was removed: that is a release, too.
        let _ = self.released.wait_for(|released| *released).await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Kind {
    fn read(value: &Value) -> Result<Self, String> {
        let parts = match value {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        // Parts are merged as objects, so that none silently loses to another one's default.
        let mut merged = serde_json::Map::new();
        for part in parts {
            let Value::Object(part) = part else {
                return Err("kind: expected an object or a list of them".into());
            };
            for (name, value) in part {
                if merged.insert(name.clone(), value).is_some() {
                    return Err(format!("kind: {name} is given twice"));
                }
            }
        }
        let kind: Self =
            serde_json::from_value(Value::Object(merged)).map_err(|error| format!("kind: {error}"))?;
        let status_ok = |status: Option<u16>| status.is_none_or(|status| (200..=599).contains(&status));
        if kind == Self::default() {
            return Err("kind: nothing is to go wrong".into());
        }
        if !status_ok(kind.status) || !status_ok(kind.html) {
            return Err("kind: a status must be between 200 and 599".into());
        }
        if kind.status.is_none() && (kind.body.is_some() || !kind.headers.is_empty()) {
            return Err("kind: body and headers need a status".into());
        }
        Ok(kind)
    }

    /// Whether the request is acted on.
    #[must_use]
    pub(crate) fn acts(&self) -> bool {
        if self.reset == Some(When::Before) {
            return false;
        }
        let replaced = self.status.is_some() || self.html.is_some();
        self.act.unwrap_or(!replaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: Value) -> Order {
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn a_fault_skips_then_hits_as_often_as_ordered() {
        let faults = Faults::default();
        let ordered = json!({"path": "/oauth/*", "grant_type": "refresh_token", "kind": {"html": 502}, "times": 2, "skip": 1});
        faults.add(order(ordered)).unwrap();
        let hit = |grant_type| faults.hit("POST", "/oauth/token", Some(grant_type)).is_some();
        let seen = [
            hit("refresh_token"),
            hit("authorization_code"),
            hit("refresh_token"),
            hit("refresh_token"),
            hit("refresh_token"),
        ];
        assert_eq!(seen, [false, false, true, true, false]);
    }

    #[test]
    fn kinds_combine_and_mistakes_are_named() {
        let kind = Kind::read(&json!([{"delay_ms": 5}, {"reset": "after"}])).unwrap();
        assert_eq!((kind.delay_ms, kind.reset), (Some(5), Some(When::After)));
        assert!(Kind::read(&json!({"dely_ms": 5})).unwrap_err().contains("dely_ms"));
        assert!(Kind::read(&json!({})).is_err());
        assert!(!Kind::read(&json!({"status": 503})).unwrap().acts());
        assert!(Kind::read(&json!({"status": 503, "act": true})).unwrap().acts());
    }
}
