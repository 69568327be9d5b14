//! The strings a listing is resumed from. They are not secret and not signed: a forged one can only name another
//! page of the same listing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Position {
    /// The first one the caller's own query asks for.
    #[default]
    #[serde(rename = "s")]
    Start,
    /// `startAt`.
    #[serde(rename = "o")]
    Offset(u64),
    /// `nextPageToken`.
    #[serde(rename = "t")]
    Token(String),
}

/// A place between two items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: Position,
    /// Items consumed from there on; they can reach into the pages after it.
    pub(super) skip: u64,
    /// The site, where it was known.
    pub(super) cloud_id: Option<String>,
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    #[serde(rename = "p")]
    at: Position,
    #[serde(rename = "n")]
    skip: u64,
    #[serde(rename = "c")]
    cloud_id: Option<String>,
    #[serde(rename = "q")]
    fingerprint: String,
}

impl Cursor {
    pub(super) fn encode(self, fingerprint: &str) -> String {
        let Self { at, skip, cloud_id } = self;
        let wire = Wire { v: VERSION, at, skip, cloud_id, fingerprint: fingerprint.to_owned() };
        // Plain data with text keys: writing it cannot fail.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wire).unwrap_or_default())
    }

    pub(super) fn decode(text: &str, fingerprint: &str) -> Result<Self> {
        let damaged = || Error::new(Code::CursorInvalid, "the cursor is damaged");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let Version { v } = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if v != VERSION {
            let text = format!("the cursor is of version {v}, which this threelo does not know");
            return Err(Error::new(Code::CursorInvalid, text));
        }
        let wire: Wire = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if wire.fingerprint != fingerprint {
            let text = "the cursor belongs to another connection, path, method or query";
            return Err(Error::new(Code::CursorInvalid, text));
        }
        Ok(Self { at: wire.at, skip: wire.skip, cloud_id: wire.cloud_id })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> Code {
        Cursor::decode(text, "f").unwrap_err().code()
    }

    #[test]
    fn cursors_are_short_and_safe_in_a_url() {
        let cursor = Cursor { at: Position::Offset(1050), skip: 7, cloud_id: Some("c".into()) };
        let text = cursor.clone().encode("f");
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
        // The same text forever: other processes and the other language hold such strings.
        assert_eq!(text, "eyJ2IjoxLCJwIjp7Im8iOjEwNTB9LCJuIjo3LCJjIjoiYyIsInEiOiJmIn0");
        assert_eq!(Cursor::decode(&text, "f").unwrap(), cursor);
    }

    #[test]
    fn damaged_foreign_and_newer_cursors_are_refused() {
        let text = Cursor { at: Position::Token("t".into()), skip: 0, cloud_id: None }.encode("f");
        assert_eq!(Cursor::decode(&text, "g").unwrap_err().code(), Code::CursorInvalid);
        for damaged in ["", "!", "e30", &text[1..], &text[..text.len() - 4], &format!("{text}AAAA")] {
            assert_eq!(code(damaged), Code::CursorInvalid, "{damaged}");
        }
        let newer = URL_SAFE_NO_PAD.encode(r#"{"v":2}"#);
        let error = Cursor::decode(&newer, "f").unwrap_err();
        assert!(error.message().contains("version 2"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_does_more_than_be_refused(text in "\\PC{0,80}") {
            prop_assert!(Cursor::decode(&text, "f").is_err());
        }
    }
}
