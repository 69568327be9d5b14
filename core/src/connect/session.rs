//! A consent's session: the one-time state, PKCE, and what `connect` was asked, sealed until the browser comes back
//! to whichever process.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;
use zeroize::Zeroizing;

use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::grant::rekey::Moved;
use crate::random;
use crate::records::Tags;
use crate::store::seal::{Bound, Sealer};
use crate::store::{Expect, Sealed, SessionRow, SessionStage, Store, Write};

/// What `connect` (or an import) asked for, kept until the connection stands.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) site: Option<String>,
    pub(crate) tags: Option<Tags>,
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) allow_account_change: bool,
    /// PKCE; absent for an import.
    pub(crate) verifier: Option<String>,
    /// Keyed hash of the binding; absent when the application wrote `None`.
    pub(crate) binding: Option<Vec<u8>>,
}

/// Unreserved characters of RFC 3986 stay; a space becomes %20, never a plus (F1.2).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn hash(state: &str) -> Vec<u8> {
    Sha256::digest(state.as_bytes()).to_vec()
}

impl Asked {
    pub(crate) fn seal(&self, sealer: &Sealer, state_hash: &[u8]) -> Result<Sealed> {
        let plain = serde_json::to_vec(self).map(Zeroizing::new).map_err(|_| unreadable())?;
        sealer.seal(Bound::Session { state_hash }, &plain)
    }

    pub(crate) fn open(sealer: &Sealer, row: &SessionRow) -> Result<Self> {
        let plain = sealer.open(Bound::Session { state_hash: &row.state_hash }, &row.payload)?;
        serde_json::from_slice(&plain).map_err(|_| unreadable())
    }

    /// Whether the tokens came from another system; a consent of ours has PKCE.
    pub(crate) fn imported(&self) -> bool {
        self.verifier.is_none()
    }

    /// Whether `binding` is the one `connect` was given, compared without giving away where it differs.
    pub(crate) fn bound_to(&self, sealer: &Sealer, binding: Option<&SecretString>) -> bool {
        match (&self.binding, binding) {
            (None, None) => true,
            (Some(kept), Some(given)) => sealer
                .fingerprints(given.expose_secret())
                .iter()
                .any(|hash| bool::from(subtle::ConstantTimeEq::ct_eq(hash.as_slice(), kept.as_slice()))),
            _ => false,
        }
    }
}

fn unreadable() -> Error {
    Error::new(Code::DecryptionFailed, "a connect session does not hold what it should")
}

/// Seals a session with the first key. One that the browser or the token endpoint is still to come back to is left
/// alone: its state is spent by whoever finds the row as it was written. It is gone within the hour.
pub(crate) async fn rekey(store: &dyn Store, sealer: &Sealer, row: SessionRow) -> Result<Moved> {
    if sealer.is_current(&row.payload) {
        return Ok(Moved::Before);
    }
    if !matches!(row.stage, SessionStage::Exchanged { .. }) {
        return Ok(Moved::Busy);
    }
    let Ok(asked) = Asked::open(sealer, &row) else { return Ok(Moved::Unreadable) };
    let payload = asked.seal(sealer, &row.state_hash)?;
    let expect = vec![Expect::Session(row.state_hash.clone(), Some(row.seq))];
    let moved = store.write(expect, vec![Write::PutSession(SessionRow { payload, ..row })]).await?;
    // Whoever changed it meanwhile has finished it: that is all that is left to do with one.
    Ok(moved.map_or(Moved::Before, |_| Moved::Now))
}

/// A session about to be stored, and what the browser needs.
pub(crate) struct Started {
    pub(crate) row: SessionRow,
    pub(crate) state: String,
    pub(crate) url: String,
}

/// Makes a session: 256 random bits of state, and a PKCE challenge as defence in depth (F1.6).
pub(crate) fn start(
    config: &Config,
    sealer: &Sealer,
    connection_id: &str,
    scopes: &[String],
    asked: Asked,
    expires_at: u64,
) -> Result<Started> {
    let state = random::secret()?;
    let verifier = random::secret()?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let asked = Asked { verifier: Some(verifier), ..asked };
    let state_hash = hash(&state);
    let url = authorize_url(config, scopes, &state, &challenge);
    let row = SessionRow {
        payload: asked.seal(sealer, &state_hash)?,
        state_hash,
        connection_id: connection_id.to_owned(),
        stage: SessionStage::Waiting,
        expires_at,
        seq: 0,
    };
    Ok(Started { row, state, url })
}

/// The authorization request (F1.2), every parameter the documentation asks for.
fn authorize_url(config: &Config, scopes: &[String], state: &str, challenge: &str) -> String {
    let scope = scopes.join(" ");
    let query: Vec<String> = [
        ("audience", config.hosts.audience()),
        ("client_id", &config.client_id),
        ("scope", &scope),
        ("redirect_uri", &config.redirect_uri),
        ("state", state),
        ("response_type", "code"),
        ("prompt", "consent"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
    .iter()
    .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY)))
    .collect();
    format!("{}?{}", config.hosts.authorize(), query.join("&"))
}

/// What the browser brought back.
pub(crate) struct Callback {
    pub(crate) state: SecretString,
    /// The code, or the error word.
    pub(crate) result: std::result::Result<SecretString, String>,
}

impl Callback {
    /// Reads a callback URL. Only its query counts: behind a proxy an application may see another host than the
    /// registered one. Parameters nobody knows are left alone (RFC 6749 §4.1.2).
    pub(crate) fn read(callback_url: &SecretString) -> Result<Self> {
        let refuse = |what: &str| {
            Error::argument(
                "callback_url",
                what,
                "the full URL the browser came back to, with its code and state",
            )
        };
        let text = callback_url.expose_secret();
        let base = Url::parse("http://localhost/").ok();
        let url = Url::options().base_url(base.as_ref()).parse(text).map_err(|_| refuse("not a URL"))?;
        let one = |name: &str| -> Result<Option<String>> {
            let mut values =
                url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            let first = values.next().filter(|value| !value.is_empty());
            if values.next().is_some() {
                Err(refuse("a URL with a parameter given twice"))
            } else {
                Ok(first)
            }
        };
        let state = one("state")?.ok_or_else(|| {
            Error::new(
                Code::StateInvalid,
                "the callback carries no state, so it answers no consent of this application",
            )
        })?;
        let result = match (one("error")?, one("code")?) {
            (Some(error), _) => Err(error),
            (None, Some(code)) => Ok(SecretString::from(code)),
            (None, None) => return Err(refuse("a URL without code and without error")),
        };
        Ok(Self { state: SecretString::from(state), result })
    }
}
