//! `complete`: spends the one-time state, exchanges the code, and stores the pair before anything else is asked.

use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::Connector;
use super::session::{Asked, Callback, hash};
use super::storing::{self, insist};
use crate::atlassian::token_endpoint::{Exchange, Issued, Reply, subject};
use crate::clock::wall_ms;
use crate::error::{Code, Error, Result};
use crate::grant::endpoint::{Began, Outcome as Exchanged};
use crate::grant::ledger::{Outcome, noted};
use crate::grant::tokens::TokenPair;
use crate::grant::transitions::millis;
use crate::options::CompleteOptions;
use crate::random;
use crate::store::{Expect, GrantRow, Ledger, SessionRow, SessionStage, TokenHashRow, Write};

impl Connector {
    /// Completes a consent and returns the id of its connection.
    pub(crate) async fn complete(&self, options: CompleteOptions, deadline: Instant) -> Result<String> {
        let callback = Callback::read(&options.callback_url)?;
        let state_hash = hash(callback.state.expose_secret());
        let session = self.keeper.shared.store.session(&state_hash).await?.ok_or_else(unknown_state)?;
        let asked = Asked::open(&self.keeper.shared.sealer, &session)?;
        if !asked.bound_to(&self.keeper.shared.sealer, options.binding.as_ref()) {
            // The state is left alone: the right browser may still come.
            let message = "the callback's state was made for another browser session";
            return Err(Error::new(Code::StateInvalid, message));
        }
        let id = session.connection_id.clone();
        let session = match session.stage {
            SessionStage::Waiting if session.expires_at <= wall_ms() => return Err(expired_state()),
            SessionStage::Waiting => self.exchange(session, &asked, callback).await?,
            SessionStage::Exchanging => return Err(spent_state()),
            // A crash after the pair was stored: go on from there.
            SessionStage::Exchanged { .. } => session,
        };
        self.finish(session, deadline).await?;
        Ok(id)
    }

    async fn exchange(&self, session: SessionRow, asked: &Asked, callback: Callback) -> Result<SessionRow> {
        let store = &self.keeper.shared.store;
        // Spending the state comes first: of two callers with one callback, one goes on.
        let spent = SessionRow { stage: SessionStage::Exchanging, ..session };
        let expect = vec![Expect::Session(spent.state_hash.clone(), Some(spent.seq))];
        let Some(seq) = store.write(expect, vec![Write::PutSession(spent.clone())]).await? else {
            return Err(spent_state());
        };
        let spent = SessionRow { seq, ..spent };
        let issued = match callback.result {
            Ok(code) => self.exchange_code(&code, asked).await,
            Err(word) => Err(denied(&word)),
        };
        match issued {
            Ok((began, issued)) => self.store_pair(spent, began, issued).await,
            Err(error) => {
                store.write(vec![], vec![Write::DeleteSession(spent.state_hash)]).await?;
                Err(error)
            }
        }
    }

    async fn exchange_code(&self, code: &SecretString, asked: &Asked) -> Result<(Began, Issued)> {
        let verifier = SecretString::from(asked.verifier.clone().unwrap_or_default());
        let exchange = Exchange::Code { code, redirect_uri: &self.config.redirect_uri, verifier: &verifier };
        let (began, outcome) = self.keeper.shared.endpoint.exchange(exchange, || true).await;
        let why = match outcome {
            Exchanged::Reply(Reply::Issued(issued)) => return Ok((began, issued)),
            Exchanged::Reply(Reply::Refused { error }) => return Err(refused(&error)),
            Exchanged::Reply(Reply::Credentials) => {
                let message = "the token endpoint refused the app's client id or secret (401 access_denied)";
                return Err(Error::new(Code::ClientCredentialsRejected, message).with_status(401));
            }
            Exchanged::Reply(Reply::NotNow { why, .. } | Reply::Unclear { why })
            | Exchanged::NotSent(why) => why,
            Exchanged::TooLate => "no time left".to_owned(),
        };
        let message = format!("the token endpoint did not exchange the code: {why}");
        Err(Error::new(Code::IdentityUnavailable, message)
            .hinting("Start again with connect(); the code may be spent."))
    }

    /// Seals and stores a new pair in a grant of its own, with the session pointing at it. From here on nothing is
    /// lost, whatever happens.
    async fn store_pair(&self, session: SessionRow, began: Began, issued: Issued) -> Result<SessionRow> {
        let Some(refresh) = issued.refresh else {
            let message = "Atlassian issued no refresh token, so the connection would end within the hour";
            let hint = "Check that the app may use offline_access, and start again with connect().";
            let hash = vec![Write::DeleteSession(session.state_hash)];
            self.keeper.shared.store.write(vec![], hash).await?;
            return Err(Error::new(Code::AuthorizationDenied, message).hinting(hint));
        };
        let account_id = subject(&issued.access);
        let scopes = issued.scopes.unwrap_or_default();
        let expires_at = began.at + millis(issued.expires_in);
        let pair = TokenPair { access: issued.access, refresh };
        let grant = self.new_grant(&pair, began, expires_at, scopes, account_id, Outcome::Connected)?;
        let hash = self.token_hash(&pair.refresh, &grant);
        let store = &*self.keeper.shared.store;
        Ok(insist(|| storing::store(store, session.clone(), grant.clone(), hash.clone())).await)
    }

    /// A grant for a pair that has just come in.
    pub(super) fn new_grant(
        &self,
        pair: &TokenPair,
        began: Began,
        expires_at: u64,
        scopes: Vec<String>,
        account_id: Option<String>,
        origin: Outcome,
    ) -> Result<GrantRow> {
        let id = random::id();
        let row = GrantRow {
            auth_host: self.config.hosts.auth_host(),
            client_id: self.config.client_id.clone(),
            account_id,
            generation: 1,
            pair: pair.seal(&self.keeper.shared.sealer, &id, 1)?,
            spares: Vec::new(),
            death: None,
            scopes,
            sites: Vec::new(),
            expires_at,
            rotated_at: began.at,
            born: began.born,
            first_consented_at: began.at,
            consented_at: began.at,
            lease: None,
            fence: 0,
            intent: None,
            ledger: Ledger::default(),
            seq: 0,
            id,
        };
        Ok(noted(row, 1, origin, began.at))
    }

    pub(super) fn token_hash(&self, refresh: &SecretString, grant: &GrantRow) -> TokenHashRow {
        let hash = self.keeper.shared.sealer.fingerprint(refresh.expose_secret());
        TokenHashRow { hash, grant_id: grant.id.clone(), generation: grant.generation }
    }
}

fn unknown_state() -> Error {
    Error::new(Code::StateInvalid, "the callback's state is unknown, or was used already")
}

fn spent_state() -> Error {
    Error::new(Code::StateInvalid, "the callback's state was used already")
}

fn expired_state() -> Error {
    Error::new(Code::StateInvalid, "the callback came too late; its state has expired")
}

/// The error words RFC 6749 §4.1.2.1 knows; another one is a stranger's text and is not repeated.
const WORDS: [&str; 7] = [
    "access_denied",
    "invalid_request",
    "unauthorized_client",
    "unsupported_response_type",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
];

fn denied(word: &str) -> Error {
    let word = WORDS.iter().find(|known| **known == word).copied().unwrap_or("another error");
    let message = match word {
        "access_denied" => "the user declined to connect (access_denied)".to_owned(),
        word => format!("Atlassian did not authorize the connection ({word})"),
    };
    Error::new(Code::AuthorizationDenied, message).with("reason", word)
}

fn refused(word: &str) -> Error {
    let message =
        format!("the token endpoint refused the authorization code ({word}): used, expired or not ours");
    Error::new(Code::AuthorizationDenied, message).with("reason", "code_refused").with_status(403)
}
