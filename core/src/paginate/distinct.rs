//! Which items have been handed out: offsets shift while others write, so the same item can stand on two pages (F8).

use std::collections::{HashSet, VecDeque};

use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// So many items are remembered, the newest ones: about five megabytes. A shift repeats neighbours, not items from
/// long before.
pub(super) const REMEMBERED: usize = 100_000;

type Mark = [u8; 16];

/// The identities of the newest items.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    known: HashSet<Mark>,
    order: VecDeque<Mark>,
}

impl Distinct {
    /// Whether an item is new; it is known from now on.
    pub(super) fn is_new(&mut self, item: &RawValue) -> bool {
        let mark = mark(item.get());
        if !self.known.insert(mark) {
            return false;
        }
        self.order.push_back(mark);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// What an item is known by: its `id`, else its `key`, else its `self`, else all of it.
fn mark(item: &str) -> Mark {
    #[derive(Default, Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        #[serde(borrow)]
        key: Option<&'a RawValue>,
        #[serde(borrow, rename = "self")]
        address: Option<&'a RawValue>,
    }
    let named: Named<'_> = match item.starts_with('{') {
        true => serde_json::from_str(item).unwrap_or_default(),
        false => Named::default(),
    };
    // People have an empty key since the privacy changes, which names nobody.
    fn filled<'a>(name: &'a str, value: Option<&'a RawValue>) -> Option<(&'a str, &'a str)> {
        value.map(RawValue::get).filter(|text| *text != "\"\"").map(|text| (name, text))
    }
    let (kind, text) = filled("id", named.id)
        .or_else(|| filled("key", named.key))
        .or_else(|| filled("self", named.address))
        .unwrap_or(("", item));
    let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(text).finalize();
    std::array::from_fn(|at| digest.get(at).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(distinct: &mut Distinct, item: &str) -> bool {
        distinct.is_new(serde_json::from_str(item).unwrap())
    }

    #[test]
    fn an_item_is_known_by_its_id_or_key_or_address_or_all_of_it() {
        let mut distinct = Distinct::default();
        for (item, expected) in [
            (r#"{"id":"1","name":"a"}"#, true),
            (r#"{"name":"renamed","id":"1"}"#, false),
            (r#"{"id":"2","name":"a"}"#, true),
            (r#"{"id":2}"#, true),
            (r#"{"key":"1"}"#, true),
            (r#"{"key":"1","self":"x"}"#, false),
            (r#"{"self":"x"}"#, true),
            (r#"{"id":null,"self":"x"}"#, false),
            (r#"{"key":"","self":"https://x/user?accountId=1"}"#, true),
            (r#"{"key":"","self":"https://x/user?accountId=2"}"#, true),
            (r#"{"worklogId":1,"updatedTime":1}"#, true),
            (r#"{"worklogId":1,"updatedTime":1}"#, false),
            (r#"{"worklogId":1,"updatedTime":2}"#, true),
            ("\"label\"", true),
            ("\"label\"", false),
            ("null", true),
            ("[1]", true),
        ] {
            assert_eq!(new(&mut distinct, item), expected, "{item}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_newest_are_kept() {
        let mut distinct = Distinct::default();
        for item in 0..=REMEMBERED {
            assert!(new(&mut distinct, &item.to_string()));
        }
        assert_eq!((distinct.known.len(), distinct.order.len()), (REMEMBERED, REMEMBERED));
        assert!(!new(&mut distinct, &REMEMBERED.to_string()));
        assert!(!new(&mut distinct, "1"));
        assert!(new(&mut distinct, "0"));
    }
}
