//! Where grants and connections live. A store does two things: it reads rows, and it writes a batch of rows if, and
//! only if, the rows the writer looked at have not changed since ([`Store::write`]). Every rule of the rotation is
//! built on that one compare-and-swap, above this line and once for all stores.

use futures::future::BoxFuture;

use crate::clock::Stamp;
use crate::error::Result;
use crate::records::Tags;

mod beside;
mod bounds;
mod key_file;
pub mod keys;
pub mod ledger;
pub mod location;
pub mod memory;
pub mod open;
mod owner;
pub mod postgres;
pub mod rows;
pub mod seal;
pub mod sqlite;
#[cfg(test)]
mod suite;

pub use keys::Key32;
pub use ledger::Ledger;
pub use location::Location;
pub use memory::MemoryStore;
pub use open::{Opened, open};
pub use postgres::PostgresStore;

pub use rows::{
    AccountKey, Born, ConnectionRow, Death, GrantRow, Intent, Lease, Sealed, SessionRow, SessionStage, Spare,
    TokenHashRow,
};
pub use seal::{Bound, Sealer};

/// What must still be so for a batch to be written. A `seq` of `None` says that the row must not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A grant, by id.
    Grant(String, Option<u64>),
    /// A connection, by id.
    Connection(String, Option<u64>),
    /// A session, by its state's hash.
    Session(Vec<u8>, Option<u64>),
    /// No refresh token with this keyed hash has been seen.
    TokenHashUnseen(Vec<u8>),
    /// No such entry of [`Store::meta`] exists.
    MetaAbsent(String),
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Inserts or replaces a grant; the store sets its `seq`.
    PutGrant(GrantRow),
    /// Removes a grant.
    DeleteGrant(String),
    /// Inserts or replaces a connection; the store sets its `seq`.
    PutConnection(ConnectionRow),
    /// Removes a connection.
    DeleteConnection(String),
    /// Inserts or replaces a session; the store sets its `seq`.
    PutSession(SessionRow),
    /// Removes a session.
    DeleteSession(Vec<u8>),
    /// Remembers a refresh token's keyed hash; one seen before keeps its first entry.
    AddTokenHash(TokenHashRow),
    /// Inserts or replaces an entry of [`Store::meta`].
    PutMeta(String, Vec<u8>),
}

/// What changed since a sequence number, for caches: ids only, removals included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The newest sequence number this answer covers.
    pub seq: u64,
    /// Grants written or removed.
    pub grants: Vec<String>,
    /// Connections written or removed.
    pub connections: Vec<String>,
    /// More changed than is worth listing, or removals were forgotten meanwhile: drop everything cached.
    pub everything: bool,
}

/// Grants of one app that are looked after without being used, page by page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Host of the authorization server.
    pub auth_host: String,
    /// The app.
    pub client_id: String,
    /// Which of its grants.
    pub which: WhichDue,
    /// Go on after this place, as [`Due::place`] gives it.
    pub after: Option<(u64, String)>,
    /// How many, at most.
    pub limit: u32,
}

/// Which grants are due. Times are wall milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichDue {
    /// Living ones whose newest pair was issued before this, oldest pair first.
    Idle(u64),
    /// Living ones whose account first consented before this, oldest consent first.
    Old(u64),
    /// Dead ones, oldest pair first.
    Dead,
    /// Living ones whose newest token an attempt was made to spend whose outcome nobody knows, where the first such
    /// attempt began at this moment or later; oldest attempt first.
    Doubtful(u64),
}

impl Due {
    /// Where a grant stands in this listing: by its time, then by its id (in bytes).
    #[must_use]
    pub fn place(&self, grant: &GrantRow) -> (u64, String) {
        let at = match self.which {
            WhichDue::Idle(_) | WhichDue::Dead => grant.rotated_at,
            WhichDue::Old(_) => grant.first_consented_at,
            WhichDue::Doubtful(_) => grant.doubt().map_or(0, |intent| intent.since),
        };
        (at, grant.id.clone())
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T>>;

/// A place for rows. All methods may be called from any number of tasks, processes and, where the place allows it,
/// machines at once. A future that is dropped leaves either the whole of a batch or nothing.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Names the place within this process, so that two clients of one place share their rotations.
    fn identity(&self) -> &str;

    /// The clock leases are stamped and judged with.
    fn now(&self) -> Answer<'_, Stamp>;

    /// This process as a holder of leases, by a name that says so for as long as the process lives.
    fn holder(&self) -> Answer<'_, String>;

    /// Whether the process that took a lease has certainly ended. `holder` is the lease's, whose part before the
    /// first `/` is the process's name. Not knowing is no.
    fn holder_gone<'a>(&'a self, holder: &'a str) -> Answer<'a, bool>;

    /// What tells that something was written, by whomever, where the place can tell: its number rises. Who waits
    /// looks by himself as well.
    fn wake(&self) -> Option<tokio::sync::watch::Receiver<u64>> {
        None
    }

    /// A grant by id.
    fn grant<'a>(&'a self, id: &'a str) -> Answer<'a, Option<GrantRow>>;

    /// A connection by id.
    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<ConnectionRow>>;

    /// A connection and its grant in one look-up, as a call with nothing cached needs them; `None` when either is
    /// missing.
    fn resolve<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<(ConnectionRow, GrantRow)>>;

    /// The grants of one account for one app, by [`GrantRow::consented_at`], oldest first, then by id.
    fn grants_of<'a>(&'a self, account: &'a AccountKey) -> Answer<'a, Vec<GrantRow>>;

    /// The connections that use a grant, in the order of their ids.
    fn connections_of<'a>(&'a self, grant_id: &'a str) -> Answer<'a, Vec<ConnectionRow>>;

    /// At most `limit` connections with ids greater than `after`, in the order of their ids (by bytes), that carry
    /// all of `tags`.
    fn connections<'a>(
        &'a self,
        tags: &'a Tags,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<ConnectionRow>>;

    /// A page of the grants that are due, in the order of their [`Due::place`].
    fn grants_due<'a>(&'a self, due: &'a Due) -> Answer<'a, Vec<GrantRow>>;

    /// At most `limit` grants of whichever app with ids greater than `after`, in the order of their ids (by bytes).
    fn grants<'a>(&'a self, after: Option<&'a str>, limit: u32) -> Answer<'a, Vec<GrantRow>>;

    /// At most `limit` sessions with hashes greater than `after`, in the order of their hashes.
    fn sessions<'a>(&'a self, after: Option<&'a [u8]>, limit: u32) -> Answer<'a, Vec<SessionRow>>;

    /// A session by its state's hash.
    fn session<'a>(&'a self, state_hash: &'a [u8]) -> Answer<'a, Option<SessionRow>>;

    /// The newest session of a connection that is `Exchanged`: a consent a crash left unfinished.
    fn unfinished_session<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<SessionRow>>;

    /// A refresh token's entry by its keyed hash.
    fn token_hash<'a>(&'a self, hash: &'a [u8]) -> Answer<'a, Option<TokenHashRow>>;

    /// A named value of the store as a whole, such as the key check.
    fn meta<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>>;

    /// What was written or removed after `since`.
    fn changes(&self, since: u64) -> Answer<'_, Changes>;

    /// Writes the whole batch if everything expected still holds, durably, and returns its sequence number (greater
    /// than any before, carried by every row of the batch); `None` when something no longer holds and nothing was
    /// written.
    /// A newer version of threelo may have migrated the place meanwhile: then it fails with `schema_newer`, and nothing
    /// was written.
    fn write<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>>;

    /// The same for a batch that saves a pair of tokens which was issued just now and is stored nowhere else. It goes
    /// through although a newer version has migrated the place: migrations only add, and the pair would be lost.
    fn rescue<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>>;

    /// Forgets waiting sessions that expired before `wall_ms`, and those whose exchange was abandoned an hour before
    /// that. Unfinished ones (`Exchanged`) stay.
    fn forget_sessions(&self, wall_ms: u64) -> Answer<'_, ()>;

    /// Gives back what the place holds open. Later calls fail with `store_unavailable`.
    fn close(&self) -> BoxFuture<'_, ()>;
}
