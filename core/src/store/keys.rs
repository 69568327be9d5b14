//! Keys as they come from a configuration: 32 bytes, nothing less, and no way to print one.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::{Error, Result};
use crate::random;

/// Bytes in a key.
pub const KEY_BYTES: usize = 32;

const ACCEPTED: &str = "32 bytes in base64, or 32 raw bytes";

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A 256-bit key. It is wiped when dropped, and its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Key32(Zeroizing<[u8; KEY_BYTES]>);

impl Key32 {
    /// Reads a key written as base64, in the standard or the URL alphabet, with or without padding; white space
    /// around it is ignored, because keys come out of files.
    ///
    /// # Errors
    /// `invalid_config`, describing what was given by its length only.
    pub fn from_text(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let engine = if trimmed.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        let mut bytes = Zeroizing::new([0_u8; 2 * KEY_BYTES]);
        match engine.decode_slice(trimmed, bytes.as_mut_slice()) {
            Ok(KEY_BYTES) => Self::copied(bytes.get(..KEY_BYTES).unwrap_or_default()),
            _ => None,
        }
        .ok_or_else(|| refused(format!("a string of {}", counted(text.chars().count(), "character"))))
    }

    /// Reads a key given as bytes: 32 raw ones, or the base64 text of 32.
    ///
    /// # Errors
    /// `invalid_config`, describing what was given by its length only.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::copied(bytes)
            .or_else(|| Self::from_text(std::str::from_utf8(bytes).ok()?).ok())
            .ok_or_else(|| refused(counted(bytes.len(), "byte")))
    }

    /// A new key from the system's random generator.
    ///
    /// # Errors
    /// `store_unavailable` when the system gives no random bytes.
    pub fn random() -> Result<Self> {
        Ok(Self(Zeroizing::new(random::bytes()?)))
    }

    /// The key as [`Key32::from_text`] reads it.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    pub(super) fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    fn copied(bytes: &[u8]) -> Option<Self> {
        let mut array = <[u8; KEY_BYTES]>::try_from(bytes).ok()?;
        let key = Self(Zeroizing::new(array));
        array.zeroize();
        Some(key)
    }
}

impl fmt::Debug for Key32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key32(…)")
    }
}

fn refused(given: String) -> Error {
    Error::config("encryption_key", given, ACCEPTED)
}

fn counted(count: usize, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    const BYTES: [u8; 32] = [0xfb; 32];

    #[test]
    fn every_way_to_write_32_bytes_is_read() {
        let padded = STANDARD.encode(BYTES);
        let url = URL_SAFE.encode(BYTES);
        assert_ne!(padded, url);
        for text in [
            padded.as_str(),
            padded.trim_end_matches('='),
            &url,
            url.trim_end_matches('='),
            &format!(" {url}\n"),
        ] {
            assert_eq!(Key32::from_text(text).unwrap().as_bytes(), &BYTES);
            assert_eq!(Key32::from_bytes(text.as_bytes()).unwrap().as_bytes(), &BYTES);
        }
        assert_eq!(Key32::from_bytes(&BYTES).unwrap().as_bytes(), &BYTES);
    }

    #[test]
    fn anything_else_is_refused_without_being_shown() {
        for text in
            ["", "correct-horse", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), &"A".repeat(500)]
        {
            let error = Key32::from_text(text).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfig);
            assert!(error.message().contains(&counted(text.chars().count(), "character")), "{error}");
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
        let error = Key32::from_bytes(&[0xff; 31]).unwrap_err();
        assert_eq!(
            error.message(),
            "`encryption_key` is 31 bytes; accepted is 32 bytes in base64, or 32 raw bytes"
        );
    }

    #[test]
    fn a_key_is_written_the_way_it_is_read_and_never_shown() {
        let key = Key32::random().unwrap();
        assert_eq!(Key32::from_text(&key.to_text()).unwrap().as_bytes(), key.as_bytes());
        assert_eq!(format!("{key:?}"), "Key32(…)");
    }
}
