//! A store that takes its time where the store's own entries are read.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::clock::Stamp;
use crate::error::Result;
use crate::records::Tags;
use crate::store::{
    AccountKey, Changes, ConnectionRow, Due, Expect, GrantRow, SessionRow, Store, TokenHashRow, Write,
};

type Answer<'a, T> = BoxFuture<'a, Result<T>>;

#[derive(Debug)]
pub(super) struct Slow {
    pub(super) store: Arc<dyn Store>,
    /// How long an entry takes.
    pub(super) meta: Duration,
}

impl Store for Slow {
    fn identity(&self) -> &str {
        self.store.identity()
    }

    fn now(&self) -> Answer<'_, Stamp> {
        self.store.now()
    }

    fn holder(&self) -> Answer<'_, String> {
        self.store.holder()
    }

    fn holder_gone<'a>(&'a self, holder: &'a str) -> Answer<'a, bool> {
        self.store.holder_gone(holder)
    }

    fn grant<'a>(&'a self, id: &'a str) -> Answer<'a, Option<GrantRow>> {
        self.store.grant(id)
    }

    fn connection<'a>(&'a self, id: &'a str) -> Answer<'a, Option<ConnectionRow>> {
        self.store.connection(id)
    }

    fn resolve<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<(ConnectionRow, GrantRow)>> {
        self.store.resolve(connection_id)
    }

    fn grants_of<'a>(&'a self, account: &'a AccountKey) -> Answer<'a, Vec<GrantRow>> {
        self.store.grants_of(account)
    }

    fn connections_of<'a>(&'a self, grant_id: &'a str) -> Answer<'a, Vec<ConnectionRow>> {
        self.store.connections_of(grant_id)
    }

    fn connections<'a>(
        &'a self,
        tags: &'a Tags,
        after: Option<&'a str>,
        limit: u32,
    ) -> Answer<'a, Vec<ConnectionRow>> {
        self.store.connections(tags, after, limit)
    }

    fn grants_due<'a>(&'a self, due: &'a Due) -> Answer<'a, Vec<GrantRow>> {
        self.store.grants_due(due)
    }

    fn grants<'a>(&'a self, after: Option<&'a str>, limit: u32) -> Answer<'a, Vec<GrantRow>> {
        self.store.grants(after, limit)
    }

    fn sessions<'a>(&'a self, after: Option<&'a [u8]>, limit: u32) -> Answer<'a, Vec<SessionRow>> {
        self.store.sessions(after, limit)
    }

    fn session<'a>(&'a self, state_hash: &'a [u8]) -> Answer<'a, Option<SessionRow>> {
        self.store.session(state_hash)
    }

    fn unfinished_session<'a>(&'a self, connection_id: &'a str) -> Answer<'a, Option<SessionRow>> {
        self.store.unfinished_session(connection_id)
    }

    fn token_hash<'a>(&'a self, hash: &'a [u8]) -> Answer<'a, Option<TokenHashRow>> {
        self.store.token_hash(hash)
    }

    fn meta<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            tokio::time::sleep(self.meta).await;
            self.store.meta(name).await
        })
    }

    fn changes(&self, since: u64) -> Answer<'_, Changes> {
        self.store.changes(since)
    }

    fn write<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        self.store.write(expect, writes)
    }

    fn rescue<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        self.store.rescue(expect, writes)
    }

    fn forget_sessions(&self, wall_ms: u64) -> Answer<'_, ()> {
        self.store.forget_sessions(wall_ms)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.store.close()
    }
}
