//! What the fuzzer feeds: cursors from anywhere, and answers of any shape.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::cursor::Cursor;
use super::position::Position;
use super::shape::{Around, Next, Question, read};
use super::walk::{Place, Walk};
use crate::atlassian::listings::Array;

fn seals(text: &str) -> Vec<Vec<u8>> {
    vec![Sha256::digest(text).to_vec()]
}

/// A cursor as a caller hands it in; and one that holds this text and is sealed.
pub fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Cursor::decode(text, "f", seals);
    let sealed = Cursor::sealed_text(text, seals);
    if let Ok(cursor) = Cursor::decode(&sealed, "f", seals) {
        let again = Cursor::decode(&cursor.clone().encode("f", seals), "f", seals);
        assert!(again.is_ok_and(|again| again == cursor), "a cursor is read as it was written");
    }
}

/// An answer: a byte that says what was asked, a line that is its `Link` header, and its body.
pub fn page(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (link, body) = rest.split_at_checked(end).unwrap_or_default();
    let at = match kind % 9 {
        0 => Position::First,
        1 => Position::StartAt(u64::from(*kind)),
        2 => Position::Offset(u64::from(*kind)),
        3 => Position::Start(u64::MAX),
        4 => Position::Since(u64::from(*kind)),
        5 => Position::NextPageToken("t".to_owned()),
        6 => Position::Cursor("c".to_owned()),
        7 => Position::Link("/wiki/x".to_owned()),
        _ => Position::StartingAfter("s".to_owned()),
    };
    let array = match kind / 8 % 3 {
        0 => Array::Whole,
        1 => Array::Pages,
        _ => Array::Windows,
    };
    let around =
        Around { link: std::str::from_utf8(link).ok(), confluence: kind / 24 % 2 == 1, path: "/wiki/x" };
    let question =
        Question { at: &at, first: 0, window: Some(50), widest: 0, posts: kind / 48 % 2 == 1, array };
    let body = Bytes::copy_from_slice(body);
    let Ok(listing) = read(&body, around, question) else { return };
    if let Next::Page(next) = &listing.next
        && let (Some(before), Some(after)) = (at.index(), next.index())
    {
        assert!(after > before, "{at:?} leads to {next:?}");
    }
    let length = listing.items.len();
    let place = Place { at: at.clone(), skip: 1, learnt_at: 0 };
    let mut walk = Walk::new(&Cursor::default(), Some(u64::from(*kind)), kind % 2 == 1);
    if let Some(page) = walk.take(place, listing, &body, 0) {
        assert!(page.len() < length, "what was consumed is not handed out");
        let written = page.to_json();
        let read: Vec<&serde_json::value::RawValue> = serde_json::from_str(&written).unwrap_or_default();
        assert!(read.len() == page.len(), "{written}");
        let _ = (walk.place(0), walk.place(page.len()), walk.step());
    }
}
