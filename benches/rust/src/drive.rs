//! How a client is driven, the same in every language: one process, what to do in its first argument as JSON, then a
//! line `{"calls": n, "inflight": k}` on standard input for each burst and a line with what was measured for each.

use std::future::Future;
use std::io::BufRead;
use std::time::{Duration, Instant};

use futures::future::join_all;
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use serde_json::json;

/// What a client is to do.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    /// Which client.
    pub client: String,
    /// Where the server is.
    pub base: String,
    /// The path below the site: `/rest/api/3/…`.
    pub path: String,
    /// A PEM file to trust.
    pub ca: Option<String>,
    /// A bearer token.
    pub token: String,
    /// `text`, `json` or `stream`.
    pub read: String,
}

impl Task {
    /// The first argument.
    pub fn given() -> Self {
        serde_json::from_str(&std::env::args().nth(1).unwrap()).unwrap()
    }

    /// The whole URL, as a client asks for it that knows nothing of sites.
    pub fn url(&self) -> String {
        format!("{}/ex/jira/{}{}", self.base, crate::answers::CLOUD_ID, self.path)
    }
}

#[derive(Deserialize)]
struct Burst {
    calls: usize,
    inflight: usize,
}

/// Answers bursts until there are no more.
pub async fn serve<F>(call: impl Fn() -> F + Clone + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    println!("ready");
    loop {
        let line = tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().next()).await.unwrap();
        let Some(Ok(line)) = line else { return };
        let Burst { calls, inflight } = serde_json::from_str(&line).unwrap();
        let (cpu, begun) = (cpu(), Instant::now());
        let workers = (0..inflight).map(|_| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut took = Vec::with_capacity(calls / inflight);
                for _ in 0..calls / inflight {
                    let begun = Instant::now();
                    call().await;
                    took.push(begun.elapsed());
                }
                took
            })
        });
        let mut took: Vec<Duration> = join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
        let (seconds, cpu) = (begun.elapsed().as_secs_f64(), self::cpu() - cpu);
        took.sort_unstable();
        let at = |share: usize| took.get(took.len() * share / 100).map_or(0.0, Duration::as_secs_f64);
        let (p50, p99) = (at(50), at(99));
        println!(
            "{}",
            json!({ "calls": took.len(), "seconds": seconds, "cpu": cpu, "p50": p50, "p99": p99 })
        );
    }
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)).as_secs_f64()
}
