//! Runs code that speaks to a store one call at a time, with anything happening in between. A future cannot be copied
//! into many states, but what it has heard can: at each turn the code is run from its beginning, is told again what it
//! was told before, makes one call more, and is left there.

use std::sync::{Mutex, MutexGuard};

use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};

use super::rows::noted;
use super::setup::Mutant;
use crate::clock::Stamp;
use crate::error::{Code, Error, Result};
use crate::grant::model::flaws::Flaws;
use crate::grant::model::state::stamp;
use crate::records::Tags;
use crate::store::memory::Rows;
use crate::store::{
    AccountKey, Changes, ConnectionRow, Due, Expect, GrantRow, MemoryStore, SessionRow, Store, TokenHashRow,
    Write,
};

/// What the store answered to one call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Grant(Box<Option<GrantRow>>),
    Resolved(Box<Option<(ConnectionRow, GrantRow)>>),
    Grants(Vec<GrantRow>),
    Connections(Vec<ConnectionRow>),
    Session(Option<SessionRow>),
    Wrote(Option<u64>),
}

/// What one turn led to.
pub(super) struct Turn<T> {
    pub(super) rows: Rows,
    pub(super) log: Vec<Said>,
    pub(super) flaws: Flaws,
    /// The code's result, when it is through.
    pub(super) end: Option<T>,
}

/// A write that fails, having written or not; empty when none is to, or when it has.
pub(super) type StoreFault = Option<bool>;

/// Gives `work` one turn.
pub(super) fn turn<T>(
    rows: Rows,
    log: Vec<Said>,
    mutant: Option<Mutant>,
    fault: &mut StoreFault,
    work: impl AsyncFnOnce(&Replay) -> Result<T>,
) -> Turn<Result<T>> {
    let inner = Inner { rows, log, heard: 0, called: false, fault: *fault, flaws: Flaws::default() };
    let replay = Replay { inner: Mutex::new(inner), mutant };
    let end = work(&replay).now_or_never();
    let Inner { rows, log, flaws, fault: left, .. } = replay.inner.into_inner().expect("nobody panicked");
    *fault = left;
    Turn { rows, log, flaws, end }
}

/// The store as the code sees it.
#[derive(Debug)]
pub(super) struct Replay {
    inner: Mutex<Inner>,
    mutant: Option<Mutant>,
}

#[derive(Debug)]
struct Inner {
    rows: Rows,
    log: Vec<Said>,
    heard: usize,
    called: bool,
    fault: StoreFault,
    flaws: Flaws,
}

type Answer<'a, T> = BoxFuture<'a, Result<T>>;

impl Replay {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panicked")
    }

    fn ask<'a, T: Clone + Send + 'a>(
        &'a self,
        tell: fn(T) -> Said,
        hear: fn(&Said) -> Option<&T>,
        call: impl FnOnce(&MemoryStore) -> T,
    ) -> Answer<'a, T> {
        let mut inner = self.inner();
        if let Some(said) = inner.log.get(inner.heard) {
            let said = hear(said).expect("the same question as before").clone();
            inner.heard += 1;
            return Box::pin(ready(Ok(said)));
        }
        if inner.called {
            return Box::pin(pending());
        }
        inner.called = true;
        inner.heard += 1;
        let store = MemoryStore::of(std::mem::take(&mut inner.rows));
        let answer = call(&store);
        inner.rows = store.into_rows();
        inner.log.push(tell(answer.clone()));
        Box::pin(ready(Ok(answer)))
    }
}

macro_rules! hear {
    ($kind:ident) => {
        |said| match said {
            Said::$kind(answer) => Some(answer),
            _ => None,
        }
    };
}

impl Store for Replay {
    fn identity(&self) -> &str {
        ""
    }

    /// Time stands still, and asking for it is no step of its own.
    fn now(&self) -> Answer<'_, Stamp> {
        Box::pin(ready(Ok(stamp(0))))
    }

    fn grant<'a>(&'a self, id: &'a str) -> Answer<'a, Option<GrantRow>> {
        self.ask(|row| Said::Grant(Box::new(row)), hear!(Grant), |store| at_once(store.grant(id)))
    }

    fn resolve<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(ConnectionRow, GrantRow)>> {
        self.ask(|both| Said::Resolved(Box::new(both)), hear!(Resolved), |store| at_once(store.resolve(id)))
    }

    fn grants_of<'a>(&'a self, account: &'a AccountKey) -> Answer<'a, Vec<GrantRow>> {
        self.ask(Said::Grants, hear!(Grants), |store| at_once(store.grants_of(account)))
    }

    fn connections_of<'a>(&'a self, grant_id: &'a str) -> Answer<'a, Vec<ConnectionRow>> {
        self.ask(Said::Connections, hear!(Connections), |store| at_once(store.connections_of(grant_id)))
    }

    fn unfinished_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<SessionRow>> {
        self.ask(Said::Session, hear!(Session), |store| at_once(store.unfinished_session(id)))
    }

    fn write<'a>(&'a self, mut expect: Vec<Expect>, mut writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        let (fresh, before) = {
            let inner = self.inner();
            (inner.heard == inner.log.len() && !inner.called, inner.rows.clone())
        };
        if let Some(mutant) = self.mutant {
            mutant.spoil(&before, &mut expect, &mut writes);
        }
        let fault = if fresh { self.inner().fault.take() } else { None };
        if fault == Some(false) {
            self.inner().called = true;
            return failed();
        }
        let answer = self.ask(Said::Wrote, hear!(Wrote), |store| at_once(store.write(expect, writes)));
        if fresh {
            let mut inner = self.inner();
            let mut flaws = inner.flaws;
            noted(&before, &inner.rows, &mut flaws);
            inner.flaws = flaws;
        }
        if fault.is_some() { failed() } else { answer }
    }

    fn rescue<'a>(&'a self, expect: Vec<Expect>, writes: Vec<Write>) -> Answer<'a, Option<u64>> {
        self.write(expect, writes)
    }

    fn session<'a>(&'a self, hash: &'a [u8]) -> Answer<'a, Option<SessionRow>> {
        self.ask(Said::Session, hear!(Session), |store| at_once(store.session(hash)))
    }

    fn connection<'a>(&'a self, _: &'a str) -> Answer<'a, Option<ConnectionRow>> {
        unasked()
    }
    fn holder(&self) -> Answer<'_, String> {
        unasked()
    }
    fn holder_gone<'a>(&'a self, _: &'a str) -> Answer<'a, bool> {
        unasked()
    }
    fn connections<'a>(&'a self, _: &'a Tags, _: Option<&'a str>, _: u32) -> Answer<'a, Vec<ConnectionRow>> {
        unasked()
    }
    fn grants_due<'a>(&'a self, _: &'a Due) -> Answer<'a, Vec<GrantRow>> {
        unasked()
    }
    fn grants<'a>(&'a self, _: Option<&'a str>, _: u32) -> Answer<'a, Vec<GrantRow>> {
        unasked()
    }
    fn sessions<'a>(&'a self, _: Option<&'a [u8]>, _: u32) -> Answer<'a, Vec<SessionRow>> {
        unasked()
    }
    fn token_hash<'a>(&'a self, _: &'a [u8]) -> Answer<'a, Option<TokenHashRow>> {
        unasked()
    }
    fn meta<'a>(&'a self, _: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        unasked()
    }
    fn changes(&self, _: u64) -> Answer<'_, Changes> {
        unasked()
    }
    fn forget_sessions(&self, _: u64) -> Answer<'_, ()> {
        unasked()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}

fn at_once<T>(answer: Answer<'_, T>) -> T {
    answer.now_or_never().expect("memory answers at once").expect("memory never fails")
}

fn failed<'a, T: Send + 'a>() -> Answer<'a, T> {
    Box::pin(ready(Err(Error::new(Code::StoreUnavailable, "the store failed"))))
}

fn unasked<'a, T>() -> Answer<'a, T> {
    panic!("a question that nobody asked when this model was written: log its answer as the others'")
}
