//! Rows in columns and back. Columns are read by position, in the order of the lists below.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row as _, Type};

use super::text::original;
use crate::store::{ConnectionRow, GrantRow, Ledger, Sealed, SessionRow, SessionStage, Spare, TokenHashRow};

/// A statement over all columns of a table, in the order the functions below read them.
macro_rules! grant_columns {
    () => {
        "g.id, g.auth_host, g.client_id, g.account_id, g.generation, g.expires_at, g.rotated_at, \
         g.first_consented_at, g.consented_at, g.fence, g.seq, g.lease, g.intent, g.death, g.scopes, g.sites, \
         g.pair, g.spare_pair, g.spare_generation, g.spare_issued_at, g.spare_kept_at, g.ledger, \
         g.born, g.more_spares"
    };
}
macro_rules! connection_columns {
    () => {
        "c.id, c.grant_id, c.site, c.site_choice, c.tags, c.metadata, c.created_at, c.seq"
    };
}
macro_rules! session_columns {
    () => {
        "state_hash, connection_id, stage, grant_id, payload, expires_at, seq"
    };
}
pub(super) use {connection_columns, grant_columns, session_columns};

type Read<T> = Result<T, sqlx::Error>;

/// A row read from left to right.
pub(super) struct Cells<'r> {
    row: &'r PgRow,
    at: usize,
}

impl<'r> Cells<'r> {
    pub(super) fn new(row: &'r PgRow) -> Self {
        Self { row, at: 0 }
    }

    pub(super) fn next<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Read<T> {
        self.at += 1;
        self.row.try_get(self.at - 1)
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let number: i64 = self.next()?;
        u64::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
    }

    pub(super) fn text(&mut self) -> Read<String> {
        self.next().map(original)
    }

    fn maybe_text(&mut self) -> Read<Option<String>> {
        Ok(self.next::<Option<String>>()?.map(original))
    }

    fn json<T: DeserializeOwned>(&mut self) -> Read<T> {
        from_json(self.next()?)
    }

    fn maybe_json<T: DeserializeOwned>(&mut self) -> Read<Option<T>> {
        self.next::<Option<&str>>()?.map(from_json).transpose()
    }

    pub(super) fn grant(&mut self) -> Read<GrantRow> {
        let mut row = GrantRow {
            id: self.text()?,
            auth_host: self.text()?,
            client_id: self.text()?,
            account_id: self.maybe_text()?,
            generation: self.number()?,
            expires_at: self.number()?,
            rotated_at: self.number()?,
            first_consented_at: self.number()?,
            consented_at: self.number()?,
            fence: self.number()?,
            seq: self.number()?,
            lease: self.maybe_json()?,
            intent: self.maybe_json()?,
            death: self.maybe_json()?,
            scopes: self.json()?,
            sites: self.json()?,
            pair: Sealed(self.next()?),
            spares: self.spare()?.into_iter().collect(),
            ledger: Ledger::from_text(self.next()?),
            born: self.maybe_json()?,
        };
        row.spares.extend(self.maybe_json::<Vec<Spare>>()?.into_iter().flatten());
        Ok(row)
    }

    fn spare(&mut self) -> Read<Option<Spare>> {
        let Some(pair) = self.next()? else {
            self.at += 3;
            return Ok(None);
        };
        Ok(Some(Spare {
            pair: Sealed(pair),
            generation: self.number()?,
            issued_at: self.number()?,
            kept_at: self.number()?,
        }))
    }

    pub(super) fn connection(&mut self) -> Read<ConnectionRow> {
        Ok(ConnectionRow {
            id: self.text()?,
            grant_id: self.text()?,
            site: self.maybe_json()?,
            site_choice: self.maybe_json()?,
            tags: self.json()?,
            metadata: self.json()?,
            created_at: self.number()?,
            seq: self.number()?,
        })
    }

    pub(super) fn session(&mut self) -> Read<SessionRow> {
        let (state_hash, connection_id) = (self.next()?, self.text()?);
        let stage = match (self.next::<&str>()?, self.maybe_text()?) {
            (WAITING, None) => SessionStage::Waiting,
            (EXCHANGING, None) => SessionStage::Exchanging,
            (EXCHANGED, Some(grant_id)) => SessionStage::Exchanged { grant_id },
            _ => return Err(sqlx::Error::Decode("a session's stage".into())),
        };
        Ok(SessionRow {
            state_hash,
            connection_id,
            stage,
            payload: Sealed(self.next()?),
            expires_at: self.number()?,
            seq: self.number()?,
        })
    }

    pub(super) fn token_hash(&mut self) -> Read<TokenHashRow> {
        Ok(TokenHashRow { hash: self.next()?, grant_id: self.text()?, generation: self.number()? })
    }
}

const WAITING: &str = "waiting";
const EXCHANGING: &str = "exchanging";
const EXCHANGED: &str = "exchanged";

/// A session's stage as its two columns.
pub(super) fn stage_columns(stage: &SessionStage) -> (&'static str, Option<&str>) {
    match stage {
        SessionStage::Waiting => (WAITING, None),
        SessionStage::Exchanging => (EXCHANGING, None),
        SessionStage::Exchanged { grant_id } => (EXCHANGED, Some(grant_id)),
    }
}

/// PostgreSQL's integers are signed. What does not fit is 292 million years away and kept as the last moment that does.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Read<String> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(super) fn maybe_to_json<T: Serialize + ?Sized>(value: Option<&T>) -> Read<Option<String>> {
    value.map(to_json).transpose()
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Read<T> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// `threelo_tags.tag`: half a SHA-256 of key and value, the key's length before it, so that no two tags look alike.
pub(super) fn tag(key: &str, value: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(value);
    hash.finalize().iter().take(16).copied().collect()
}
