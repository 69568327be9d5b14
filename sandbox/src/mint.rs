//! Secrets that look random and are the same in every run with the same seed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// Makes tokens, codes and ids from a seed and a counter.
///
/// Worlds that follow each other in one process are different epochs: a token left over from an earlier test must not
/// happen to be good in a later one.
#[derive(Debug, Clone)]
pub(crate) struct Mint {
    key: [u8; 32],
    next: u64,
}

impl Mint {
    /// A mint for one world.
    #[must_use]
    pub(crate) fn new(seed: u64, epoch: u64) -> Self {
        let key = Sha256::digest(format!("threelo sandbox {seed} {epoch}"));
        Self { key: key.into(), next: 0 }
    }

    /// The next value of this kind: 43 characters of base64url.
    pub(crate) fn next(&mut self, kind: &str) -> String {
        self.next += 1;
        let text = format!("{kind} {}", self.next);
        URL_SAFE_NO_PAD.encode(self.keyed(text.as_bytes()))
    }

    /// A keyed hash, used where a real server would sign.
    #[must_use]
    pub(crate) fn keyed(&self, data: &[u8]) -> Vec<u8> {
        match Hmac::<Sha256>::new_from_slice(&self.key) {
            Ok(mut mac) => {
                mac.update(data);
                mac.finalize().into_bytes().to_vec()
            }
            // Not reachable: HMAC takes keys of any length.
            Err(_) => Sha256::digest(data).to_vec(),
        }
    }
}

/// A UUID that depends on seed and name only, so that cloud ids survive a reset of the world.
#[must_use]
pub(crate) fn uuid(seed: u64, name: &str) -> String {
    let hash = Sha256::digest(format!("{seed} {name}"));
    let mut hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    hex.replace_range(12..13, "4");
    hex.replace_range(16..17, "8");
    for at in [20, 16, 12, 8] {
        hex.insert(at, '-');
    }
    hex
}

/// Base64url without padding.
#[must_use]
pub(crate) fn base64url(data: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_tokens_and_another_epoch_others() {
        let (mut one, mut two, mut later) = (Mint::new(1, 0), Mint::new(1, 0), Mint::new(1, 1));
        let token = one.next("refresh");
        assert_eq!(token, two.next("refresh"));
        assert_ne!(token, one.next("refresh"));
        assert_ne!(token, later.next("refresh"));
    }

    #[test]
    fn uuids_have_their_usual_form() {
        let id = uuid(1, "acme");
        assert_eq!(id.len(), 36);
        assert_eq!(id, uuid(1, "acme"));
        assert_ne!(id, uuid(1, "zeta"));
    }
}
