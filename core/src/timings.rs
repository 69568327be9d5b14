//! The intervals of the rotation and of requests (DESIGN §3). `api.toml` lists them; a test holds the two together.

use std::time::Duration;

/// All intervals. Tests shorten them; nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timings {
    /// Connecting to the token endpoint.
    pub connect_timeout: Duration,
    /// One exchange, connect included.
    pub attempt_timeout: Duration,
    /// How long a lease holds without renewal.
    pub lease: Duration,
    /// How often a held lease is renewed.
    pub heartbeat: Duration,
    /// How long a caller waits for somebody else's rotation.
    pub wait: Duration,
    /// From this much life left, a rotation runs in the background.
    pub early_margin: Duration,
    /// From this much life left, callers wait for its first attempt.
    pub hard_margin: Duration,
    /// No margin is longer than the token's life divided by this.
    pub margin_share: u32,
    /// One API call, all attempts together.
    pub request_timeout: Duration,
    /// How long a connect session's state is accepted.
    pub session_ttl: Duration,
    /// Atlassian's leeway for a spent refresh token (F3.3).
    pub reuse_window: Duration,
    /// First wait after a failed attempt; it doubles with each.
    pub retry_base: Duration,
    /// The wait after a failed attempt is at most this while a caller has nothing usable.
    pub retry_wanted: Duration,
    /// Longest gap between attempts while an outcome is unclear.
    pub retry_cap: Duration,
    /// How long `close` waits for rotations in flight.
    pub close_timeout: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(5_000),
            attempt_timeout: Duration::from_millis(20_000),
            lease: Duration::from_millis(60_000),
            heartbeat: Duration::from_millis(20_000),
            wait: Duration::from_millis(60_000),
            early_margin: Duration::from_millis(300_000),
            hard_margin: Duration::from_millis(30_000),
            margin_share: 10,
            request_timeout: Duration::from_millis(60_000),
            session_ttl: Duration::from_millis(1_800_000),
            reuse_window: Duration::from_millis(600_000),
            retry_base: Duration::from_millis(1_000),
            retry_wanted: Duration::from_millis(5_000),
            retry_cap: Duration::from_millis(240_000),
            close_timeout: Duration::from_millis(10_000),
        }
    }
}
