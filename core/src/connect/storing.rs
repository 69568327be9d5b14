//! Storing the pair of a new consent, which is nowhere else until that is done. Like [`super::placing`] it knows no
//! network and no key, and is what the model checker runs.

use std::time::Duration;

use crate::error::Result;
use crate::store::{Expect, GrantRow, SessionRow, SessionStage, Store, TokenHashRow, Write};

/// First and longest wait between two tries.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// One try to store a new pair in a grant of its own, with the session pointing at it. `hash` is that of its refresh
/// token. Returns the session as it is then, or as it would be if its consent has been finished meanwhile.
pub(crate) async fn store(
    store: &dyn Store,
    session: SessionRow,
    grant: GrantRow,
    hash: TokenHashRow,
) -> Result<SessionRow> {
    let session = SessionRow { stage: SessionStage::Exchanged { grant_id: grant.id.clone() }, ..session };
    // A try before this one may have been told of an error and have been written all the same. Others may have finished
    // or taken away the consent since, and nothing of that must be undone.
    let expect = vec![Expect::TokenHashUnseen(hash.hash.clone())];
    let writes = vec![Write::AddTokenHash(hash), Write::PutGrant(grant), Write::PutSession(session.clone())];
    if let Some(seq) = store.rescue(expect, writes.clone()).await? {
        return Ok(SessionRow { seq, ..session });
    }
    match store.session(&session.state_hash).await? {
        // No try before this one has been written: the store knows the token from elsewhere, because a server that began
        // anew, as sandboxes do, issued it once more.
        Some(waiting) if waiting.stage == SessionStage::Exchanging => {
            let expect = vec![Expect::Session(waiting.state_hash, Some(waiting.seq))];
            match store.rescue(expect, writes).await? {
                Some(seq) => Ok(SessionRow { seq, ..session }),
                None => Ok(store.session(&session.state_hash).await?.unwrap_or(session)),
            }
        }
        known => Ok(known.unwrap_or(session)),
    }
}

/// Tries again until it has worked, for as long as that takes.
pub(super) async fn insist<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> T {
    let mut pause = RETRY.0;
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => {
                tracing::error!(code = %error.code(), "a new consent's pair of tokens cannot be stored yet");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use tokio::time::Instant;

    use super::*;
    use crate::error::{Code, Error};

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_down_for_an_hour_costs_no_pair() {
        let (begun, tries) = (Instant::now(), AtomicU32::new(0));
        let stored = insist(|| {
            tries.fetch_add(1, Relaxed);
            let down = begun.elapsed() < Duration::from_secs(3600);
            ready(if down { Err(Error::new(Code::StoreUnavailable, "down")) } else { Ok("stored") })
        });
        assert_eq!(stored.await, "stored");
        assert!(begun.elapsed() <= Duration::from_secs(3601), "soon after: {:?}", begun.elapsed());
        assert!(tries.load(Relaxed) > 3600);
    }
}
