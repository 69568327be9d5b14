//! One page of a listing, as it came: the items are places in the answer's body and are not copied before somebody
//! wants them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Code, Error, Result};

/// One page of a listing. Cloning it copies no items.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    items: Arc<[Range<usize>]>,
}

impl Page {
    /// Items that lie in `body`; those that do not are left out.
    pub(super) fn new<'a>(body: &'a Bytes, items: impl Iterator<Item = &'a RawValue>) -> Self {
        let begin = body.as_ptr().addr();
        let place = |item: &RawValue| {
            let start = item.get().as_ptr().addr().checked_sub(begin)?;
            let end = start.checked_add(item.get().len())?;
            (end <= body.len()).then_some(start..end)
        };
        Self { items: items.filter_map(place).collect(), body: body.clone() }
    }

    /// How many items there are; never none.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items as JSON, each as Jira wrote it.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|place| {
            // They were read from text, so they are text.
            self.body.get(place.clone()).and_then(|item| std::str::from_utf8(item).ok()).unwrap_or_default()
        })
    }

    /// The items, read as values of a type.
    ///
    /// # Errors
    /// `http_error` where an item is not what was expected.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.items().map(|item| serde_json::from_str(item).map_err(|error| unlike(&error))).collect()
    }

    /// All items as one JSON list: what the bindings hand on.
    #[must_use]
    pub fn to_json(&self) -> String {
        let length: usize = self.items.iter().map(|item| item.len() + 1).sum();
        let mut text = String::with_capacity(length + 2);
        for item in self.items() {
            text.push(if text.is_empty() { '[' } else { ',' });
            text.push_str(item);
        }
        if text.is_empty() {
            text.push('[');
        }
        text.push(']');
        text
    }
}

fn unlike(error: &serde_json::Error) -> Error {
    // serde's own words can quote the item, so only the place is told.
    let place = format!("line {}, column {}", error.line(), error.column());
    Error::new(Code::HttpError, format!("an item of a listing is not the JSON that was expected, at {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &'static str, skip: usize) -> Page {
        let body = Bytes::from_static(body.as_bytes());
        let items: Vec<&RawValue> = serde_json::from_slice(&body).unwrap();
        Page::new(&body, items.into_iter().skip(skip))
    }

    #[test]
    fn items_stay_as_jira_wrote_them() {
        let page = page(r#"[ {"b":1.0,"a":12345678901234567890123} , "ü,]" ,null]"#, 0);
        let texts: Vec<&str> = page.items().collect();
        assert_eq!(texts, [r#"{"b":1.0,"a":12345678901234567890123}"#, "\"ü,]\"", "null"]);
        assert_eq!(page.to_json(), r#"[{"b":1.0,"a":12345678901234567890123},"ü,]",null]"#);
        assert_eq!((page.len(), page.is_empty()), (3, false));
    }

    #[test]
    fn items_are_read_as_what_the_caller_wants() {
        assert_eq!(page("[1,2,3]", 1).read::<u8>().unwrap(), [2, 3]);
        let error = page("[1,\"canary\"]", 0).read::<u8>().unwrap_err();
        assert_eq!(error.code(), Code::HttpError);
        assert!(!error.message().contains("canary"), "{error}");
    }
}
