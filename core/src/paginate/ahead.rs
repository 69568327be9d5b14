//! Pages that were asked for before somebody wanted them. They are guesses: whether one is used is decided by where
//! the page before it really led.

use std::collections::VecDeque;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::position::Position;
use super::shape::Outlook;
use crate::error::{Code, Error, Result};
use crate::request::Response;

/// A page with the cloud id of the site it came from.
pub(super) type Fetched = Result<(Response, String)>;

/// So many wrong guesses, and only the very next page is still asked for ahead.
const MOST_MISSES: u32 = 2;

/// So many pages in a row that were, or would have been, guessed right: wrong guesses before them count no more.
const FORGIVEN_AFTER: u32 = 8;

/// Requests under way, or answered and not yet wanted. Dropping it ends them.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    pages: VecDeque<Guess>,
    misses: u32,
    /// Where the page after the next one would be guessed to begin, and how many such guesses came true in a row.
    expected: Option<Position>,
    right: u32,
}

#[derive(Debug)]
struct Guess {
    at: Position,
    answer: AbortOnDropHandle<Fetched>,
}

impl Ahead {
    /// The page at `at`, if it was asked for. A caller that goes away meanwhile leaves it where it is. What failed before
    /// it was wanted may have failed long ago: where trying again can help, it counts as not asked for.
    pub(super) async fn take(&mut self, at: &Position) -> Option<Fetched> {
        let guess = self.pages.front_mut().filter(|guess| guess.at == *at)?;
        let waited_for = !guess.answer.is_finished();
        let answer = (&mut guess.answer).await;
        self.pages.pop_front();
        let fetched = answer.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::new(Code::Cancelled, "the runtime ended while a page was being fetched")),
        });
        Some(fetched).filter(|fetched| waited_for || !may_be_better_now(fetched))
    }

    /// Asks for up to `depth` pages from `next` on, which the listing will go on with; none are left for a listing that
    /// has ended. The pages after the next are guessed from `outlook`, and there are no more than `wanted` items in them.
    pub(super) fn reach<F>(
        &mut self,
        next: Option<&Position>,
        depth: usize,
        outlook: Option<Outlook>,
        wanted: u64,
        ask: impl Fn(&Position) -> F,
    ) where
        F: Future<Output = Fetched> + Send + 'static,
    {
        let Some(next) = next else { return self.pages.clear() };
        self.note(next, outlook);
        if self.pages.front().is_some_and(|guess| guess.at != *next) {
            self.pages.clear();
            self.misses = self.misses.saturating_add(1);
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let depth = if self.misses < MOST_MISSES { depth } else { depth.min(1) };
        while self.pages.len() < depth {
            let Some(at) = self.following(next, outlook, wanted) else { return };
            let answer = AbortOnDropHandle::new(runtime.spawn(ask(&at).boxed()));
            self.pages.push_back(Guess { at, answer });
        }
    }

    /// Whether guessing goes well: where the listing goes on, and whether that was to be expected.
    fn note(&mut self, next: &Position, outlook: Option<Outlook>) {
        let expected =
            outlook.filter(|outlook| outlook.stride > 0).and_then(|outlook| next.after(outlook.stride));
        match std::mem::replace(&mut self.expected, expected) {
            Some(expected) if expected == *next => self.right = self.right.saturating_add(1),
            _ => self.right = 0,
        }
        if self.right >= FORGIVEN_AFTER {
            self.misses = 0;
        }
    }

    /// The place of the first page that was not asked for yet.
    fn following(&self, next: &Position, outlook: Option<Outlook>, wanted: u64) -> Option<Position> {
        let Some(last) = self.pages.back() else { return Some(next.clone()) };
        let Outlook { stride, total } = outlook.filter(|outlook| outlook.stride > 0)?;
        let at = last.at.after(stride)?;
        let index = at.index()?;
        (index < total && index - next.index()? < wanted).then_some(at)
    }

    /// Ends all requests under way.
    pub(super) fn clear(&mut self) {
        self.pages.clear();
    }
}

/// Whether a page failed in a way that passes.
fn may_be_better_now(fetched: &Fetched) -> bool {
    match fetched {
        Ok((response, _)) => matches!(response.status, 429 | 502 | 503 | 504),
        Err(error) => error.retryable(),
    }
}
