//! Tokens in memory: typed so that they cannot be printed, wiped when they are dropped.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::age::{self, Age, Here};
use crate::clock::boot_ms;
use crate::error::{Code, Error, Result};
use crate::store::seal::{Bound, Sealer};
use crate::store::{GrantRow, Sealed};

/// A pair of tokens as Atlassian issued it.
#[derive(Clone, Debug)]
pub(crate) struct TokenPair {
    pub(crate) access: SecretString,
    pub(crate) refresh: SecretString,
}

/// What is sealed: version 1 of a pair. Short names, because a million of them are stored.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    a: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    r: std::borrow::Cow<'a, str>,
}

impl TokenPair {
    /// Seals the pair for one generation of one grant; it opens nowhere else.
    pub(crate) fn seal(&self, sealer: &Sealer, grant_id: &str, generation: u64) -> Result<Sealed> {
        let wire = Wire { a: self.access.expose_secret().into(), r: self.refresh.expose_secret().into() };
        let plain = serde_json::to_vec(&wire).map(Zeroizing::new).map_err(|_| unreadable())?;
        sealer.seal(Bound::Pair { grant_id, generation }, &plain)
    }

    /// Opens a sealed pair.
    pub(crate) fn open(sealer: &Sealer, grant_id: &str, generation: u64, sealed: &Sealed) -> Result<Self> {
        let plain = sealer.open(Bound::Pair { grant_id, generation }, sealed)?;
        let wire: Wire<'_> = serde_json::from_slice(&plain).map_err(|_| unreadable())?;
        Ok(Self { access: SecretString::from(&*wire.a), refresh: SecretString::from(&*wire.r) })
    }

    /// Opens a grant's newest pair.
    pub(crate) fn of(sealer: &Sealer, row: &GrantRow) -> Result<Self> {
        Self::open(sealer, &row.id, row.generation, &row.pair)
    }
}

/// The header's value, one for all requests of a token, wiped with the last of them.
pub(crate) fn bearer(token: &SecretString) -> Option<HeaderValue> {
    let text = ["Bearer ", token.expose_secret()].concat();
    let text = Bytes::from_owner(Zeroizing::new(text.into_bytes()));
    let mut value = HeaderValue::from_maybe_shared(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unreadable() -> Error {
    Error::new(Code::DecryptionFailed, "a sealed pair of tokens does not hold what it should")
}

/// An access token as the rotation hands it out.
#[derive(Clone, Debug)]
pub struct Access {
    /// The token.
    pub token: Arc<SecretString>,
    /// The header that carries it; nothing for a token with characters no header may have.
    pub bearer: Option<HeaderValue>,
    /// The grant it belongs to.
    pub grant_id: Arc<str>,
    /// Its generation there.
    pub generation: u64,
    /// When it was issued, in milliseconds on this machine's wall clock as it was when the token was loaded.
    pub issued_at_ms: u64,
    /// When it expires, on the same.
    pub expires_at_ms: u64,
    /// When it expires, on this machine's boot clock.
    pub ends_boot_ms: u64,
}

impl Access {
    /// The access token of a stored grant.
    pub(crate) fn of(sealer: &Sealer, row: &GrantRow, here: Here<'_>) -> Result<Self> {
        let token = TokenPair::of(sealer, row)?.access;
        Ok(Self::aged(token, &row.id, row.generation, age::judge(row.times(), here), here))
    }

    /// A token of this age.
    pub(crate) fn aged(
        token: SecretString,
        grant_id: &str,
        generation: u64,
        age: Age,
        here: Here<'_>,
    ) -> Self {
        Self {
            bearer: bearer(&token),
            token: Arc::new(token),
            grant_id: Arc::from(grant_id),
            generation,
            issued_at_ms: here.wall_ms.saturating_sub(age.age),
            expires_at_ms: here.wall_ms.saturating_add(age.left),
            ends_boot_ms: here.boot_ms.saturating_add(age.left),
        }
    }

    /// Milliseconds of life left now. Once loaded, a token ages by the boot clock, whatever becomes of the other one.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.ends_boot_ms.saturating_sub(boot_ms())
    }
}
