//! Whole calls against a Jira made of a script, in simulated time: what must hold whatever it answers, and whenever.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::prepared::{Prepared, prepare};
use super::retry::Happened;
use super::wire::{Answer, Outcome, Outside};
use super::*;
use crate::body::{Body, Outgoing};
use crate::lock::lock;
use crate::options::Retry;
use crate::upload::Upload;

mod properties;

/// The simulated day begins here.
const MORNING_MS: u64 = 1_790_000_000_000;

/// What the gateway's limiter says instead of a reason (F7.5).
const GATEWAY: &str = "FAILURE CLIENT RATE LIMITED";

/// What Jira does with one request.
#[derive(Clone, Debug)]
struct Reaction {
    /// How long it takes.
    after_ms: u64,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    NotSent,
    Broke,
    Truncated,
    Answer { status: u16, reason: Option<&'static str>, wait: Option<Wait> },
}

/// How an answer says when to come back.
#[derive(Clone, Copy, Debug)]
enum Wait {
    Seconds(u64),
    /// A date, against the answer's own.
    Date(u64),
    /// `X-RateLimit-Reset`, to the minute or to the second.
    Reset {
        after_s: u64,
        seconds: bool,
    },
}

/// One call as it is made.
#[derive(Clone, Debug)]
struct Plan {
    begin_ms: u64,
    timeout_ms: u64,
    connection: &'static str,
    cloud: &'static str,
    method: &'static str,
    path: &'static str,
    retry: Retry,
    /// How long a token takes to come, and how old it is then.
    token_ms: u64,
    token_age_ms: u64,
    /// Whether it brings a file that can be read once.
    once: bool,
    reactions: Vec<Reaction>,
}

/// Something that happened, in the order it did.
#[derive(Clone, Debug)]
enum Event {
    Sent {
        call: usize,
    },
    /// The file was begun.
    Spent {
        call: usize,
    },
    /// An attempt ended that Jira may have acted on.
    MayHaveRun {
        call: usize,
    },
    /// Nothing that it covers may be sent before `until`.
    Paused {
        cover: Cover,
        until: Instant,
    },
}

/// Whom an answer with a reason is meant for, written down from F7.6 once more.
#[derive(Clone, Copy, Debug)]
enum Cover {
    App,
    Tenant(&'static str),
    Endpoint(&'static str, &'static str, &'static str),
    Issue(&'static str, &'static str),
}

impl Cover {
    fn new(plan: &Plan, reason: Option<&str>) -> Self {
        match reason {
            Some("jira-quota-global-based") => Self::App,
            Some("jira-quota-tenant-based" | GATEWAY) => Self::Tenant(plan.cloud),
            Some("jira-per-issue-on-write") if plan.writes_issue() => Self::Issue(plan.cloud, plan.issue()),
            _ => Self::Endpoint(plan.cloud, plan.method, plan.endpoint()),
        }
    }

    fn covers(self, plan: &Plan) -> bool {
        match self {
            Self::App => true,
            Self::Tenant(cloud) => plan.cloud == cloud,
            Self::Endpoint(cloud, method, endpoint) => {
                (plan.cloud, plan.method, plan.endpoint()) == (cloud, method, endpoint)
            }
            Self::Issue(cloud, issue) => plan.writes_issue() && (plan.cloud, plan.issue()) == (cloud, issue),
        }
    }
}

impl Plan {
    fn reads(&self) -> bool {
        self.method == "GET"
    }

    fn writes_issue(&self) -> bool {
        !self.reads() && self.path.contains("/issue/")
    }

    fn issue(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn endpoint(&self) -> &'static str {
        if self.path.contains("/issue/") { "/rest/api/3/issue" } else { self.path }
    }
}

/// The world of one call.
struct Script<'w> {
    world: &'w World,
    call: usize,
    plan: &'w Plan,
    next: AtomicU64,
}

/// What all calls of a day share.
struct World {
    morning: Instant,
    events: Mutex<Vec<(Instant, Event)>>,
}

impl World {
    fn tell(&self, event: Event) {
        lock(&self.events).push((Instant::now(), event));
    }

    fn wall_ms(&self) -> u64 {
        MORNING_MS + u64::try_from(self.morning.elapsed().as_millis()).unwrap()
    }
}

impl Outside for Script<'_> {
    async fn send(&self, request: &Prepared, _: &Access, deadline: Instant) -> Result<Outcome> {
        assert!(Instant::now() < deadline, "a request leaves at or after the deadline");
        self.world.tell(Event::Sent { call: self.call });
        let number = usize::try_from(self.next.fetch_add(1, Ordering::SeqCst)).unwrap();
        // Beyond its script Jira is well.
        let well = Reaction { after_ms: 5, kind: Kind::Answer { status: 200, reason: None, wait: None } };
        let reaction = self.plan.reactions.get(number).unwrap_or(&well).clone();
        if self.plan.once && !matches!(reaction.kind, Kind::NotSent) {
            let (mut file, _) = Outgoing::open(request.body.as_ref()).await.unwrap();
            while file.next().await.transpose().unwrap().is_some() {}
            self.world.tell(Event::Spent { call: self.call });
        }
        let arrives = Instant::now() + Duration::from_millis(reaction.after_ms);
        let words = "simulated".to_owned();
        let in_time = arrives <= deadline;
        if if in_time { may_have_run(&reaction) } else { !matches!(reaction.kind, Kind::NotSent) } {
            self.world.tell(Event::MayHaveRun { call: self.call });
        }
        if timeout_at(deadline, sleep_until(arrives)).await.is_err() {
            let sent = !matches!(reaction.kind, Kind::NotSent);
            return Ok(Outcome::Broken { happened: Happened::TimedOut { sent }, status: None, words });
        }
        Ok(match reaction.kind {
            Kind::NotSent => Outcome::Broken { happened: Happened::NotSent, status: None, words },
            Kind::Broke => Outcome::Broken { happened: Happened::Broke, status: None, words },
            Kind::Truncated => Outcome::Broken { happened: Happened::Truncated, status: Some(200), words },
            Kind::Answer { status, reason, wait } => Outcome::Answer(self.answer(status, reason, wait)),
        })
    }

    fn wall_ms(&self) -> u64 {
        self.world.wall_ms()
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

impl Script<'_> {
    fn answer(&self, status: u16, reason: Option<&'static str>, wait: Option<Wait>) -> Answer {
        let now_ms = self.world.wall_ms();
        let mut headers = HeaderMap::new();
        let mut header = |name: &'static str, value: String| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
        };
        let date = |ms: u64| httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_millis(ms));
        let mut asked = 0;
        match wait {
            None => {}
            Some(Wait::Seconds(seconds)) => {
                asked = seconds * 1000;
                header("retry-after", seconds.to_string());
            }
            Some(Wait::Date(seconds)) => {
                asked = seconds * 1000;
                header("date", date(now_ms));
                header("retry-after", date(now_ms + asked));
            }
            Some(Wait::Reset { after_s, seconds }) => {
                let whole = if seconds { 1000 } else { 60_000 };
                let reset = (now_ms + after_s * 1000).div_ceil(whole) * whole;
                asked = reset - now_ms;
                header("x-ratelimit-reset", iso(reset, seconds));
            }
        }
        if let Some(reason) = reason.filter(|_| status == 429) {
            // The gateway's own limiter gives no reason (F7.5).
            let name = if reason == GATEWAY { "x-failure-category" } else { "ratelimit-reason" };
            header(name, reason.to_owned());
        }
        // Informational, whatever it says (F7.4).
        header("beta-ratelimit", "\"global-app-quota\";r=0;t=600".to_owned());
        header("beta-ratelimit-reason", "jira-quota-global-based".to_owned());
        if status == 429 && asked > 0 {
            let until = Instant::now() + Duration::from_millis(asked);
            self.world.tell(Event::Paused { cover: Cover::new(self.plan, reason), until });
        }
        Answer { status, headers, body: Bytes::new(), rest: None }
    }
}

/// A time of the simulated day as Atlassian writes it.
fn iso(ms: u64, seconds: bool) -> String {
    let text = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_millis(ms));
    // `Mon, 21 Sep 2026 14:13:20 GMT`
    let parts: Vec<&str> = text.split([' ', ':']).collect();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == parts[2]).unwrap() + 1;
    let date = format!("{}-{month:02}-{}T{}:{}", parts[3], parts[1], parts[4], parts[5]);
    if seconds { format!("{date}:{}Z", parts[6]) } else { format!("{date}Z") }
}

/// A grant whose tokens take a while.
struct Slow<'w>(&'w World, &'w Plan);

impl Tokens for Slow<'_> {
    fn access(&self, _: Instant) -> BoxFuture<'_, Result<Access>> {
        Box::pin(async {
            sleep(Duration::from_millis(self.1.token_ms)).await;
            Ok(Access {
                token: Arc::new(SecretString::from("token")),
                grant_id: Arc::from("g"),
                generation: 1 + self.0.wall_ms(),
                issued_at_ms: self.0.wall_ms() - self.1.token_age_ms,
                expires_at_ms: MORNING_MS + 9_000_000,
                ends_boot_ms: u64::MAX,
            })
        })
    }

    fn replace<'a>(&'a self, _: &'a Access, deadline: Instant) -> BoxFuture<'a, Result<Access>> {
        self.access(deadline)
    }
}

fn prepared(plan: &Plan) -> Prepared {
    let destination = Destination {
        connection_id: plan.connection.into(),
        cloud_id: plan.cloud.into(),
        site_url: "https://acme.atlassian.net".into(),
        granted_scopes: Vec::new(),
    };
    let timeout = Duration::from_millis(plan.timeout_ms);
    let file =
        || vec![Upload::new(Body::once(stream::iter([Ok(Bytes::from_static(b"file"))]).boxed(), None))];
    let options = RequestOptions {
        retry: plan.retry,
        files: plan.once.then(file),
        timeout: Some(timeout),
        ..RequestOptions::new(plan.connection, plan.method, plan.path)
    };
    let hosts = Hosts::new(&BTreeMap::new()).unwrap();
    let limits = Limits { max_body_bytes: 1 << 20, timeout };
    prepare(&hosts, &destination, &options, limits, Intent::ByMethod).unwrap()
}

/// How a call ended, and when.
struct End {
    at: Instant,
    result: Result<Response>,
}

/// Makes all calls of a day.
async fn day(plans: &[Plan]) -> (World, Vec<End>) {
    let world = World { morning: Instant::now(), events: Mutex::default() };
    let limiter = Limiter { governor: &Governor::default(), events: &Events::default(), board: None };
    let calls = plans.iter().enumerate().map(|(call, plan)| {
        let world = &world;
        async move {
            let begin = world.morning + Duration::from_millis(plan.begin_ms);
            sleep_until(begin).await;
            let script = Script { world, call, plan, next: AtomicU64::new(0) };
            let deadline = begin + Duration::from_millis(plan.timeout_ms);
            let tokens = Slow(world, plan);
            let result = attempt::run(&script, &limiter, &prepared(plan), &tokens, deadline).await;
            End { at: Instant::now(), result }
        }
    });
    let ends = join_all(calls).await;
    (world, ends)
}

/// Whether the server may have acted on what met this reaction, written down once more (DESIGN §4, F6.9).
fn may_have_run(reaction: &Reaction) -> bool {
    match reaction.kind {
        Kind::NotSent => false,
        Kind::Broke | Kind::Truncated => true,
        Kind::Answer { status: 401 | 429, .. } => false,
        Kind::Answer { status: 503, wait: Some(Wait::Seconds(_) | Wait::Date(_)), .. } => false,
        Kind::Answer { .. } => true,
    }
}
