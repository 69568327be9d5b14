//! Where a page of a listing begins. Each kind is named by the parameter the server takes it by.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Position {
    /// The first one the caller's own query asks for.
    #[default]
    First,
    /// So many items after the first of all.
    StartAt(u64),
    /// The same, in the audit log (F8 row 8).
    Offset(u64),
    /// The same, in Service Management (F8 row 12).
    Start(u64),
    /// After this moment, in a feed of changes (F8 row 7).
    Since(u64),
    /// What the page before gave for it (F8 rows 3 and 4).
    NextPageToken(String),
    /// The same, in plans (F8 row 6).
    Cursor(String),
    /// After this item, as the page before named it (F8 row 15).
    StartingAfter(String),
    /// A path or an address with its query, as the page before gave it (F8 rows 9, 13 and 14). It goes through the
    /// same checks as a caller's own.
    Link(String),
}

/// The names of positions that never say what is listed, so they are no part of a query's identity.
pub(super) const ONLY_PLACES: [&str; 2] = ["startAt", "nextPageToken"];

impl Position {
    /// The parameter it is sent as. A first page needs none, and a link stands for the whole query.
    pub(super) fn parameter(&self) -> Option<(&'static str, Value)> {
        Some(match self {
            Self::First | Self::Link(_) => return None,
            Self::StartAt(at) => ("startAt", (*at).into()),
            Self::Offset(at) => ("offset", (*at).into()),
            Self::Start(at) => ("start", (*at).into()),
            Self::Since(at) => ("since", (*at).into()),
            Self::NextPageToken(token) => ("nextPageToken", token.as_str().into()),
            Self::Cursor(cursor) => ("cursor", cursor.as_str().into()),
            Self::StartingAfter(item) => ("startingAfter", item.as_str().into()),
        })
    }

    /// What the server made up, and could repeat.
    pub(super) fn given(&self) -> Option<&str> {
        match self {
            Self::NextPageToken(text) | Self::Cursor(text) | Self::StartingAfter(text) | Self::Link(text) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// The place `items` after this one, where places can be counted.
    pub(super) fn after(&self, items: u64) -> Option<Self> {
        Some(match self {
            Self::StartAt(at) => Self::StartAt(at.checked_add(items)?),
            Self::Offset(at) => Self::Offset(at.checked_add(items)?),
            _ => return None,
        })
    }

    /// How many items stand before it, where places can be counted.
    pub(super) fn index(&self) -> Option<u64> {
        match self {
            Self::StartAt(at) | Self::Offset(at) => Some(*at),
            _ => None,
        }
    }
}
