//! The members of a JSON object, unread. Which of them are there says what kind of page it is.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::atlassian::listings::{ITEMS, NOT_ITEMS};

/// An object's members in their order; the values still lie in the answer's body.
#[derive(Debug)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// A name that is only copied where it is written with escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Members<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    /// Whether a member is there, be it null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A member, where it is of this type.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }

    /// A member that is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get::<String>(name).filter(|text| !text.is_empty())
    }

    /// Whether a member is there and is neither text nor null.
    pub(super) fn is_odd(&self, name: &str) -> bool {
        self.raw(name).is_some_and(|value| !matches!(value.get().bytes().next(), Some(b'"' | b'n')))
    }

    /// The items, under whichever of the names that hold items. Some listings have had two names for theirs, of which
    /// the empty one says nothing.
    pub(super) fn items(&self) -> Option<Vec<&'a RawValue>> {
        let known = ITEMS.iter().filter_map(|name| self.list(name));
        let mut empty = None;
        for items in known {
            if !items.is_empty() {
                return Some(items);
            }
            empty = Some(items);
        }
        empty
    }

    /// The items of a page whose places show that it is one: also under a name that is not known yet, if there is no
    /// doubt which.
    pub(super) fn items_of_any_name(&self) -> Option<Vec<&'a RawValue>> {
        self.items().or_else(|| {
            let mut lists = self
                .0
                .iter()
                .filter(|(name, value)| is_list(value) && !NOT_ITEMS.contains(&&**name))
                .map(|(_, value)| *value);
            match (lists.next(), lists.next()) {
                (Some(only), None) => serde_json::from_str(only.get()).ok(),
                _ => None,
            }
        })
    }

    fn list(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        self.raw(name).filter(|value| is_list(value)).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// The one member that is a page within the answer: `values`, and a token or nothing else (F8 row 4).
    pub(super) fn page_within(&self) -> Option<Self> {
        let mut pages = self.0.iter().filter_map(|(_, value)| {
            let inner = value.get().starts_with('{').then(|| Self::read(value.get()))??;
            let alone = inner.0.iter().all(|(name, _)| name == "values" || name == "nextPageToken");
            (inner.list("values").is_some() && (alone || inner.has("nextPageToken"))).then_some(inner)
        });
        let only = pages.next();
        only.filter(|_| pages.next().is_none())
    }
}

fn is_list(value: &RawValue) -> bool {
    value.get().starts_with('[')
}
