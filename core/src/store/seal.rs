//! Sealing: XChaCha20-Poly1305 with the row's identity as associated data, so that a record moved to another grant
//! or to another generation does not open.
//!
//! A sealed record is `version (1 byte) ‖ key id (4) ‖ nonce (24) ‖ ciphertext and tag`. Nonces are random: at 192
//! bits they never meet.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keys::{KEY_BYTES, Key32};
use super::rows::Sealed;
use crate::error::{Code, Error, Result};
use crate::random;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 24;

/// What a sealed record belongs to. It opens under the same words only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<'a> {
    /// A pair of tokens.
    Pair {
        /// The grant it was issued to.
        grant_id: &'a str,
        /// Its generation there.
        generation: u64,
    },
    /// What a connect session was asked.
    Session {
        /// SHA-256 of the session's state.
        state_hash: &'a [u8],
    },
    /// The store's key check value.
    KeyCheck,
}

impl Bound<'_> {
    /// The associated data. Every field carries its length, so that no two records share an encoding.
    fn encode(&self, header: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(96);
        let mut field = |bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        field(b"threelo");
        field(header);
        match self {
            Bound::Pair { grant_id, generation } => {
                field(b"pair");
                field(grant_id.as_bytes());
                field(&generation.to_be_bytes());
            }
            Bound::Session { state_hash } => {
                field(b"session");
                field(state_hash);
            }
            Bound::KeyCheck => field(b"key check"),
        }
        out
    }
}

/// One key's three uses, each with a key of its own derived from it.
struct Ring {
    id: [u8; KEY_ID_BYTES],
    seal: Zeroizing<[u8; KEY_BYTES]>,
    fingerprint: Zeroizing<[u8; KEY_BYTES]>,
}

impl Ring {
    fn new(key: &Key32) -> Self {
        let named = keyed(key.as_bytes(), b"threelo/1/key-id");
        let mut id = [0; KEY_ID_BYTES];
        id.iter_mut().zip(named.iter()).for_each(|(to, from)| *to = *from);
        Self {
            id,
            seal: keyed(key.as_bytes(), b"threelo/1/seal"),
            fingerprint: keyed(key.as_bytes(), b"threelo/1/fingerprint"),
        }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.seal.as_slice().into())
    }
}

/// Seals with its first key and opens with any of them. All key material is wiped when it is dropped.
pub struct Sealer {
    first: Ring,
    others: Vec<Ring>,
}

impl Sealer {
    /// A sealer over keys in the order they were configured.
    ///
    /// # Errors
    /// `invalid_config` when there is no key.
    pub fn new(keys: &[Key32]) -> Result<Self> {
        let Some((first, others)) = keys.split_first() else {
            return Err(Error::config(
                "encryption_key",
                "an empty list",
                "one key, or several of which the first seals",
            ));
        };
        Ok(Self { first: Ring::new(first), others: others.iter().map(Ring::new).collect() })
    }

    /// Seals with the first key.
    ///
    /// # Errors
    /// `store_unavailable` when the system gives no random bytes.
    pub fn seal(&self, bound: Bound<'_>, plain: &[u8]) -> Result<Sealed> {
        let mut header = [VERSION; 1 + KEY_ID_BYTES];
        header.iter_mut().skip(1).zip(self.first.id).for_each(|(to, from)| *to = from);
        let nonce = XNonce::from(random::bytes::<NONCE_BYTES>()?);
        let payload = Payload { msg: plain, aad: &bound.encode(&header) };
        let sealed = self
            .first
            .cipher()
            .encrypt(&nonce, payload)
            .map_err(|_| Error::new(Code::StoreUnavailable, "a record is too long to be sealed"))?;
        Ok(Sealed([&header, nonce.as_slice(), &sealed].concat()))
    }

    /// Opens with whichever key sealed it.
    ///
    /// # Errors
    /// `decryption_failed`: sealed by a newer threelo or damaged, with a key that was not given, or for another
    /// place than `bound`. Neither key nor content is named.
    pub fn open(&self, bound: Bound<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = sealed.0.as_slice();
        if bytes.first() != Some(&VERSION) {
            return Err(failed("a sealed record is damaged, or was sealed by a newer threelo"));
        }
        let (Some((header, rest)), Some(id)) =
            (bytes.split_at_checked(1 + KEY_ID_BYTES), bytes.get(1..=KEY_ID_BYTES))
        else {
            return Err(failed("a sealed record is cut short"));
        };
        let Some((nonce, ciphertext)) = rest.split_at_checked(NONCE_BYTES) else {
            return Err(failed("a sealed record is cut short"));
        };
        let aad = bound.encode(header);
        let mut known = false;
        for ring in self.rings().filter(|ring| ring.id == id) {
            known = true;
            let payload = Payload { msg: ciphertext, aad: &aad };
            if let Ok(plain) = ring.cipher().decrypt(XNonce::from_slice(nonce), payload) {
                return Ok(Zeroizing::new(plain));
            }
        }
        Err(failed(if known {
            "a sealed record is damaged, or belongs to another place in the store"
        } else {
            "a sealed record was sealed with a key that was not given"
        }))
    }

    /// Whether a record was sealed with the first key; the others are the ones `rekey` has to move.
    #[must_use]
    pub fn is_current(&self, sealed: &Sealed) -> bool {
        sealed.0.first() == Some(&VERSION) && sealed.0.get(1..=KEY_ID_BYTES) == Some(&self.first.id)
    }

    /// The keyed hash a secret is remembered by: HMAC-SHA256 under a key derived from the first key.
    #[must_use]
    pub fn fingerprint(&self, secret: &str) -> Vec<u8> {
        keyed(&self.first.fingerprint, secret.as_bytes()).to_vec()
    }

    /// The hashes a secret may have been remembered by: one per key, in the order of the keys.
    #[must_use]
    pub fn fingerprints(&self, secret: &str) -> Vec<Vec<u8>> {
        self.rings().map(|ring| keyed(&ring.fingerprint, secret.as_bytes()).to_vec()).collect()
    }

    fn rings(&self) -> impl Iterator<Item = &Ring> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({} keys)", 1 + self.others.len())
    }
}

fn failed(message: &str) -> Error {
    Error::new(Code::DecryptionFailed, message)
}

/// HMAC-SHA256 with a key of its block size or less, which it always accepts.
fn keyed(key: &[u8; KEY_BYTES], message: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut padded = Zeroizing::new([0_u8; 64]);
    padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    // HMAC pads its key to the block size with zeros, so the padded key means the same and cannot be refused.
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new(padded.as_slice().into());
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(fills: &[u8]) -> Sealer {
        let keys: Vec<_> = fills.iter().map(|fill| Key32::from_bytes(&[*fill; 32]).unwrap()).collect();
        Sealer::new(&keys).unwrap()
    }

    fn pair(grant_id: &str, generation: u64) -> Bound<'_> {
        Bound::Pair { grant_id, generation }
    }

    #[test]
    fn a_record_opens_where_it_was_sealed_and_nowhere_else() {
        let sealer = sealer(&[1]);
        let sealed = sealer.seal(pair("ab", 7), b"canary").unwrap();
        assert_eq!(sealer.open(pair("ab", 7), &sealed).unwrap().as_slice(), b"canary");
        for bound in [
            pair("ac", 7),
            pair("ab", 8),
            pair("a", 7),
            pair("", 7),
            Bound::Session { state_hash: b"ab" },
            Bound::KeyCheck,
        ] {
            let error = sealer.open(bound, &sealed).unwrap_err();
            assert_eq!(error.code(), Code::DecryptionFailed);
            assert!(!error.to_string().contains("canary"));
        }
    }

    #[test]
    fn associated_data_is_unambiguous() {
        let bounds = [
            pair("ab", 1),
            pair("a", 1),
            pair("", 1),
            Bound::Session { state_hash: b"" },
            Bound::Session { state_hash: b"pair" },
            Bound::KeyCheck,
        ];
        let all: std::collections::BTreeSet<_> = bounds.iter().map(|bound| bound.encode(&[1])).collect();
        assert_eq!(all.len(), bounds.len());
    }

    #[test]
    fn equal_plain_texts_never_look_equal() {
        let sealer = sealer(&[1]);
        assert_ne!(sealer.seal(Bound::KeyCheck, b"x").unwrap(), sealer.seal(Bound::KeyCheck, b"x").unwrap());
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let (old, both, new) = (sealer(&[1]), sealer(&[2, 1]), sealer(&[2]));
        let by_old = old.seal(pair("g", 1), b"x").unwrap();
        let by_both = both.seal(pair("g", 1), b"x").unwrap();
        assert!(both.open(pair("g", 1), &by_old).is_ok());
        assert!(new.open(pair("g", 1), &by_both).is_ok());
        assert!(both.is_current(&by_both) && !both.is_current(&by_old));
        let error = new.open(pair("g", 1), &by_old).unwrap_err();
        assert!(error.message().contains("a key that was not given"), "{error}");
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let sealer = sealer(&[1]);
        let sealed = sealer.seal(pair("g", 1), b"secret").unwrap();
        for at in 0..sealed.0.len() {
            let mut broken = sealed.clone();
            broken.0[at] ^= 1;
            assert_eq!(sealer.open(pair("g", 1), &broken).unwrap_err().code(), Code::DecryptionFailed);
            let cut = Sealed(sealed.0[..at].to_vec());
            assert_eq!(sealer.open(pair("g", 1), &cut).unwrap_err().code(), Code::DecryptionFailed);
        }
        let mut newer = sealed;
        newer.0[0] = 2;
        assert!(sealer.open(pair("g", 1), &newer).unwrap_err().message().contains("newer"));
    }

    #[test]
    fn fingerprints_depend_on_the_key_and_the_secret_alone() {
        let (old, both) = (sealer(&[1]), sealer(&[2, 1]));
        assert_eq!(old.fingerprint("token"), sealer(&[1]).fingerprint("token"));
        assert_ne!(old.fingerprint("token"), old.fingerprint("token2"));
        assert_eq!(both.fingerprints("token"), [both.fingerprint("token"), old.fingerprint("token")]);
        assert_eq!(old.fingerprint("token").len(), 32);
    }

    #[test]
    fn nothing_of_a_key_is_shown() {
        assert_eq!(format!("{:?}", sealer(&[65, 66])), "Sealer(2 keys)");
        assert_eq!(Sealer::new(&[]).unwrap_err().code(), Code::InvalidConfig);
    }

    #[test]
    fn hmac_matches_rfc_4231() {
        // Test case 2 has a short key; padding it to 32 bytes with zeros is what HMAC does anyway.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = keyed(&key, b"what do ya want for nothing?");
        assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
