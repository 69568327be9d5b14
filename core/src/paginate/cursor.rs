//! The strings a listing is resumed from. They hold places, no secrets, and carry a seal under a key derived from the
//! store's: a place can be an address the server gave, and nobody else may put one in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::position::Position;
use crate::error::{Code, Error, Result};

/// A place between two items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) at: Position,
    /// Items consumed from there on; they can reach into the pages after it.
    pub(super) skip: u64,
    /// The site, where it was known.
    pub(super) cloud_id: Option<String>,
    /// When the place was learnt, in milliseconds since the epoch: tokens do not live for ever (F8 row 3).
    pub(super) made_at: u64,
}

const VERSION: u32 = 1;
const SEAL_BYTES: usize = 16;

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    #[serde(rename = "p")]
    at: Position,
    #[serde(rename = "n")]
    skip: u64,
    #[serde(rename = "c")]
    cloud_id: Option<String>,
    #[serde(rename = "t")]
    made_at: u64,
    #[serde(rename = "q")]
    fingerprint: String,
}

/// What the seal is made over: no other use of the key has texts that begin so.
fn sealed(text: &str) -> String {
    format!("threelo/cursor/{text}")
}

impl Cursor {
    /// `seals` gives the keyed hashes of a text, the one of the current key first.
    pub(super) fn encode(self, fingerprint: &str, seals: impl Fn(&str) -> Vec<Vec<u8>>) -> String {
        let Self { at, skip, cloud_id, made_at } = self;
        let wire = Wire { v: VERSION, at, skip, cloud_id, made_at, fingerprint: fingerprint.to_owned() };
        // Plain data with text keys: writing it cannot fail.
        Self::sealed_text(&serde_json::to_string(&wire).unwrap_or_default(), seals)
    }

    /// A text with its seal, safe in a URL.
    pub(super) fn sealed_text(text: &str, seals: impl Fn(&str) -> Vec<Vec<u8>>) -> String {
        let seal = seals(&sealed(text)).into_iter().next().unwrap_or_default();
        URL_SAFE_NO_PAD.encode([text.as_bytes(), seal.get(..SEAL_BYTES).unwrap_or_default()].concat())
    }

    pub(super) fn decode(
        text: &str,
        fingerprint: &str,
        seals: impl Fn(&str) -> Vec<Vec<u8>>,
    ) -> Result<Self> {
        let damaged = || Error::new(Code::CursorInvalid, "the cursor is damaged");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        let split = bytes.len().saturating_sub(SEAL_BYTES);
        let (text, seal) = bytes.split_at_checked(split).ok_or_else(damaged)?;
        let text = std::str::from_utf8(text).map_err(|_| damaged())?;
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let Version { v } = serde_json::from_str(text).map_err(|_| damaged())?;
        if v != VERSION {
            let text = format!("the cursor is of version {v}, which this threelo does not know");
            return Err(Error::new(Code::CursorInvalid, text));
        }
        let genuine = seals(&sealed(text))
            .iter()
            .any(|own| own.get(..SEAL_BYTES).is_some_and(|own| bool::from(own.ct_eq(seal))));
        if !genuine {
            let text = "the cursor was changed, or made with a store's key this client does not have";
            return Err(Error::new(Code::CursorInvalid, text));
        }
        let wire: Wire = serde_json::from_str(text).map_err(|_| damaged())?;
        if wire.fingerprint != fingerprint {
            let text = "the cursor belongs to another connection, path, method or query";
            return Err(Error::new(Code::CursorInvalid, text));
        }
        Ok(Self { at: wire.at, skip: wire.skip, cloud_id: wire.cloud_id, made_at: wire.made_at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::{Key32, Sealer};

    fn keys(fills: &[u8]) -> impl Fn(&str) -> Vec<Vec<u8>> {
        let keys: Vec<_> = fills.iter().map(|fill| Key32::from_bytes(&[*fill; 32]).unwrap()).collect();
        let sealer = Sealer::new(&keys).unwrap();
        move |text| sealer.fingerprints(text)
    }

    fn cursor(at: Position) -> Cursor {
        Cursor { at, skip: 7, cloud_id: Some("c".into()), made_at: 1_790_000_000_000 }
    }

    fn code(text: &str) -> Code {
        Cursor::decode(text, "f", keys(&[1])).unwrap_err().code()
    }

    #[test]
    fn cursors_are_short_and_safe_in_a_url() {
        let text = cursor(Position::StartAt(1050)).encode("f", keys(&[1]));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
        // The same text for ever: other processes and the other language hold such strings.
        assert_eq!(
            text,
            "eyJ2IjoxLCJwIjp7InN0YXJ0QXQiOjEwNTB9LCJuIjo3LCJjIjoiYyIsInQiOjE3OTAwMDAwMDAwMDAsInEiOiJmIn139ih_ZD0lu4lQwUZkOXnT"
        );
        for at in [
            Position::First,
            Position::Offset(1),
            Position::Start(2),
            Position::Since(3),
            Position::NextPageToken("a\"b".into()),
            Position::Cursor("c".into()),
            Position::StartingAfter("s".into()),
            Position::Link("/wiki/api/v2/pages?cursor=x".into()),
        ] {
            let text = cursor(at.clone()).encode("f", keys(&[1]));
            assert_eq!(Cursor::decode(&text, "f", keys(&[1])).unwrap(), cursor(at));
        }
    }

    #[test]
    fn damaged_foreign_and_newer_cursors_are_refused() {
        let text = cursor(Position::NextPageToken("t".into())).encode("f", keys(&[1]));
        assert_eq!(Cursor::decode(&text, "g", keys(&[1])).unwrap_err().code(), Code::CursorInvalid);
        for damaged in ["", "!", "e30", &text[1..], &text[..text.len() - 4], &format!("{text}AAAA")] {
            assert_eq!(code(damaged), Code::CursorInvalid, "{damaged}");
        }
        let newer = URL_SAFE_NO_PAD.encode(format!(r#"{{"v":2}}{}"#, "s".repeat(SEAL_BYTES)));
        let error = Cursor::decode(&newer, "f", keys(&[1])).unwrap_err();
        assert!(error.message().contains("version 2"), "{error}");
    }

    #[test]
    fn nobody_without_the_key_can_name_a_place() {
        let text = cursor(Position::Link("/wiki/api/v2/pages?cursor=x".into())).encode("f", keys(&[1]));
        let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let at = bytes.windows(5).position(|part| part == b"pages").unwrap();
        bytes[at..at + 5].copy_from_slice(b"users");
        assert_eq!(code(&URL_SAFE_NO_PAD.encode(bytes)), Code::CursorInvalid);
        assert_eq!(Cursor::decode(&text, "f", keys(&[2])).unwrap_err().code(), Code::CursorInvalid);
        // A key that was the first one is still good for what it sealed.
        assert!(Cursor::decode(&text, "f", keys(&[2, 1])).is_ok());
    }

    proptest! {
        #[test]
        fn no_text_does_more_than_be_refused(text in "\\PC{0,80}") {
            prop_assert!(Cursor::decode(&text, "f", keys(&[1])).is_err());
        }
    }
}
