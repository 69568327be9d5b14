//! What a store keeps. Tokens appear only sealed; everything else is plain, so that it can be indexed and shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ledger::Ledger;
use crate::clock::Stamp;
use crate::records::{Site, SiteChoice, Tags};

/// Bytes only the right key opens; see [`super::seal`]. As text they are base64.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sealed(pub Vec<u8>);

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        STANDARD.encode(sealed.0)
    }
}

impl TryFrom<String> for Sealed {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

/// Whose grant it is: an index, never a key, because the account may be learnt late or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// Host of the authorization server.
    pub auth_host: String,
    /// The app.
    pub client_id: String,
    /// The Atlassian account.
    pub account_id: String,
}

/// The right to rotate one grant, held by one worker at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// Random name of the worker that holds it.
    pub holder: String,
    /// Number of this taking; it never restarts.
    pub fence: u64,
    /// When it was taken or last renewed.
    pub at: Stamp,
}

/// The note made before a refresh token is spent, so that a crash afterwards is known to be one. It stays after a
/// success that followed an unclear attempt, because that attempt's request may still be on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intent {
    /// The generation whose refresh token was to be spent.
    pub generation: u64,
    /// Start of the first attempt whose outcome is not known, in wall milliseconds.
    pub since: u64,
    /// Start of the latest one.
    pub last: u64,
}

/// Another pair of the same grant that may live, tried once before the grant is called dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spare {
    /// The pair, sealed under the grant's id and `generation`.
    pub pair: Sealed,
    /// The generation it is sealed under.
    pub generation: u64,
    /// When it was issued, in wall milliseconds.
    pub issued_at: u64,
    /// When it was put aside, in wall milliseconds.
    pub kept_at: u64,
}

/// Where and when the newest pair was asked for: on which boot clock, and what it showed. A process that reads that
/// clock knows the token's age whatever became of wall clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Born {
    /// The boot clock's name.
    pub clock: String,
    /// Milliseconds on it.
    pub at: u64,
}

/// Why and when a grant was found dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// `revoked`, `inactive` or `lost_rotation`.
    pub reason: String,
    /// Wall milliseconds.
    pub at: u64,
}

/// A grant as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// Random, never reused.
    pub id: String,
    /// Host of the authorization server.
    pub auth_host: String,
    /// The app.
    pub client_id: String,
    /// The Atlassian account, once learnt.
    pub account_id: Option<String>,
    /// Which pair of tokens is the newest. Rises by one with each.
    pub generation: u64,
    /// The newest pair, sealed under `id` and `generation`.
    pub pair: Sealed,
    /// Other pairs that may live, in the order they were kept; see `grant/spares.rs`.
    pub spares: Vec<Spare>,
    /// Set when the identity provider refused the newest refresh token.
    pub death: Option<Death>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// The sites as last listed.
    pub sites: Vec<Site>,
    /// When access with the newest pair ends, in wall milliseconds of the token endpoint's clock.
    pub expires_at: u64,
    /// When the newest pair was issued, on the same clock.
    pub rotated_at: u64,
    /// The same on the boot clock of the machine that asked for it; not known of imported tokens.
    pub born: Option<Born>,
    /// First consent of this account, for the absolute limit (F3.3).
    pub first_consented_at: u64,
    /// Newest consent.
    pub consented_at: u64,
    /// Who may rotate it now.
    pub lease: Option<Lease>,
    /// The highest fence ever given.
    pub fence: u64,
    /// An attempt whose outcome is not known.
    pub intent: Option<Intent>,
    /// What befell it lately.
    pub ledger: Ledger,
    /// The store's change sequence when this row was last written. A store sets it; writers leave it alone.
    pub seq: u64,
}

impl GrantRow {
    /// The attempts to spend the newest token whose outcome nobody knows, if there were any.
    #[must_use]
    pub fn doubt(&self) -> Option<&Intent> {
        self.intent.as_ref().filter(|intent| intent.generation == self.generation)
    }

    /// The spares beyond the first, if there are any: a column of their own in the tables.
    pub(super) fn more_spares(&self) -> Option<&[Spare]> {
        self.spares.get(1..).filter(|more| !more.is_empty())
    }
}

/// A connection as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionRow {
    /// The application's handle.
    pub id: String,
    /// The grant it uses.
    pub grant_id: String,
    /// The chosen site, as it looked when last listed.
    pub site: Option<Site>,
    /// How it was chosen.
    pub site_choice: Option<SiteChoice>,
    /// Labels.
    pub tags: Tags,
    /// The application's own data.
    pub metadata: Map<String, Value>,
    /// Wall milliseconds.
    pub created_at: u64,
    /// As in [`GrantRow::seq`].
    pub seq: u64,
}

/// A consent under way.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// SHA-256 of the state.
    pub state_hash: Vec<u8>,
    /// The connection it is for.
    pub connection_id: String,
    /// How far it has come.
    pub stage: SessionStage,
    /// What `connect` was asked, as JSON, sealed under the state's hash.
    pub payload: Sealed,
    /// When the callback is no longer accepted, in wall milliseconds.
    pub expires_at: u64,
    /// As in [`GrantRow::seq`].
    pub seq: u64,
}

/// How far a consent has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStage {
    /// Waiting for the browser.
    Waiting,
    /// The state is spent and the code is being exchanged.
    Exchanging,
    /// The pair is stored in this grant; account and site are still to be learnt.
    Exchanged {
        /// The grant that was made for the new pair.
        grant_id: String,
    },
}

/// A refresh token the store has held: its keyed hash, never the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHashRow {
    /// HMAC of the token.
    pub hash: Vec<u8>,
    /// The grant that held it.
    pub grant_id: String,
    /// Its generation there.
    pub generation: u64,
}
