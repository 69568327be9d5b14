//! The tokens of simulated calls.

use super::*;

/// A grant whose tokens take a while.
pub(super) struct Slow<'w> {
    pub(super) world: &'w World,
    pub(super) plan: &'w Plan,
    pub(super) generation: AtomicU64,
}

impl Slow<'_> {
    async fn token(&self, expired: bool) -> Access {
        sleep(Duration::from_millis(self.plan.token_ms)).await;
        Access {
            token: Arc::new(SecretString::from("token")),
            bearer: None,
            grant_id: Arc::from("g"),
            generation: self.generation.load(Ordering::SeqCst),
            issued_at_ms: self.world.wall_ms() - self.plan.token_age_ms,
            expires_at_ms: MORNING_MS + 9_000_000,
            ends_boot_ms: if expired { 0 } else { u64::MAX },
        }
    }
}

impl Tokens for Slow<'_> {
    fn access(&self, _: Instant) -> BoxFuture<'_, Result<Access>> {
        let first = self.generation.load(Ordering::SeqCst) == 1;
        Box::pin(async move { Ok(self.token(first && self.plan.expired).await) })
    }

    fn replace<'a>(&'a self, _: &'a Access, _: Instant) -> BoxFuture<'a, Result<Access>> {
        self.generation.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.token(false).await) })
    }
}
