//! `import_connection`: takes over tokens another system held. It goes the way of a consent whose code has been
//! exchanged; what needs the network waits until there is a token to use.

use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::Connector;
use super::begin::{check_id, check_site};
use super::session::{Asked, hash};
use crate::atlassian::token_endpoint::{INACTIVE_MS, subject};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::endpoint::Began;
use crate::grant::health::NOTICE_MS;
use crate::grant::ledger::Outcome;
use crate::grant::tokens::TokenPair;
use crate::options::ImportOptions;
use crate::random;
use crate::store::{ConnectionRow, Expect, GrantRow, SessionRow, SessionStage, Write};

/// A pair that nobody knows the age of is taken for this old: the next pass of keep-alive rotates it, and yet it is not
/// said of it that it is about to end, which nobody knows either.
const UNKNOWN_AGE_MS: u64 = INACTIVE_MS - NOTICE_MS - 3600 * 1000;

impl Connector {
    /// Stores the tokens and the connection; with a valid access token, finishes at once.
    pub(crate) async fn import(&self, options: ImportOptions, deadline: Instant) -> Result<()> {
        check_id(&options.id)?;
        check_site(options.site.as_deref())?;
        let now = wall_ms();
        if options.refresh_token.expose_secret().trim().is_empty() {
            return Err(Error::argument("refresh_token", "empty", "the newest refresh token"));
        }
        let shared = &self.keeper.shared;
        for known in shared.sealer.fingerprints(options.refresh_token.expose_secret()) {
            if shared.store.token_hash(&known).await?.is_some() {
                return Err(seen());
            }
        }
        if shared.store.connection(&options.id).await?.is_some() {
            return Err(Error::argument("id", "already connected", "an id that has no connection yet"));
        }
        // Without a token, or without knowing how long it lives, the first use rotates.
        let access = options.access_token.filter(|token| !token.expose_secret().is_empty());
        let expires_at = access.as_ref().and(options.expires_at).unwrap_or(0);
        let account = options.account_id.or_else(|| access.as_ref().and_then(subject));
        let pair = TokenPair { access: access.unwrap_or_default(), refresh: options.refresh_token };
        let grant = self.new_grant(
            &pair,
            Began { at: now, born: None },
            expires_at,
            options.scopes.unwrap_or_default(),
            account,
            Outcome::Imported,
        )?;
        // A valid access token is at most an hour old, and so is the refresh token that came with it.
        let rotated_at = if expires_at > now { now } else { now.saturating_sub(UNKNOWN_AGE_MS) };
        let grant = GrantRow { rotated_at, ..grant };
        let asked = Asked {
            site: options.site,
            tags: options.tags.clone(),
            metadata: options.metadata.clone(),
            allow_account_change: false,
            verifier: None,
            binding: None,
        };
        let state_hash = hash(&random::secret()?);
        let session = SessionRow {
            payload: asked.seal(&shared.sealer, &state_hash)?,
            state_hash,
            connection_id: options.id.clone(),
            stage: SessionStage::Exchanged { grant_id: grant.id.clone() },
            expires_at: now,
            seq: 0,
        };
        let connection = ConnectionRow {
            id: options.id.clone(),
            grant_id: grant.id.clone(),
            site: None,
            site_choice: None,
            tags: options.tags.unwrap_or_default(),
            metadata: options.metadata.unwrap_or_default(),
            created_at: now,
            seq: 0,
        };
        let hash = self.token_hash(&pair.refresh, &grant);
        let expect = vec![Expect::TokenHashUnseen(hash.hash.clone()), Expect::Connection(options.id, None)];
        let writes = vec![
            Write::AddTokenHash(hash),
            Write::PutGrant(grant),
            Write::PutConnection(connection),
            Write::PutSession(session.clone()),
        ];
        let Some(seq) = shared.store.write(expect, writes).await? else { return Err(seen()) };
        if expires_at <= now {
            return Ok(());
        }
        match self.finish(SessionRow { seq, ..session }, deadline).await {
            // Bad weather loses nothing: the first use finishes what could not be learnt now.
            Err(error) if error.retryable() => Ok(()),
            finished => finished,
        }
    }
}

fn seen() -> Error {
    let message = "this refresh token is or was held by a grant of this store; it must not be spent again";
    Error::new(Code::AlreadyImported, message)
}
