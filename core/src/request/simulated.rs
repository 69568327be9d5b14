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
use tokio::time::{Instant, sleep, sleep_until};

use super::prepared::{Prepared, prepare};
use super::retry::Happened;
use super::wire::{Answer, Outcome, Outside, Sent, in_time};
use super::*;
use crate::body::{Body, Opened, Outgoing, Source};
use crate::lock::lock;
use crate::options::Retry;
use crate::records::{Product, Site};
use crate::upload::Upload;

mod properties;
mod tokens;

use tokens::Slow;

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
    /// Whether the first token is past its end, as it can be while no other is to be had.
    expired: bool,
    file: File,
    reactions: Vec<Reaction>,
}

/// What a call brings beside its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    None,
    /// A file that can be read once.
    Once,
    /// One that can be read as often as it takes, in a call that was given no time of its own: `timeout_ms` is how long
    /// it may stand still.
    Unhurried,
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
    /// An attempt ended for which a body moved that may take its time.
    Moved {
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
    App(Product),
    Tenant(Product, &'static str),
    Endpoint(&'static str, &'static str, &'static str),
    Issue(&'static str, &'static str),
}

impl Cover {
    fn new(plan: &Plan, reason: Option<&str>) -> Self {
        match reason {
            Some("jira-quota-global-based") => Self::App(plan.product()),
            Some("jira-quota-tenant-based" | GATEWAY) => Self::Tenant(plan.product(), plan.cloud),
            Some("jira-per-issue-on-write") if plan.writes_issue() => Self::Issue(plan.cloud, plan.issue()),
            _ => Self::Endpoint(plan.cloud, plan.method, plan.endpoint()),
        }
    }

    fn covers(self, plan: &Plan) -> bool {
        match self {
            Self::App(product) => plan.product() == product,
            Self::Tenant(product, cloud) => (plan.product(), plan.cloud) == (product, cloud),
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

    fn product(&self) -> Product {
        if self.path.starts_with("/wiki/") { Product::Confluence } else { Product::Jira }
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
    async fn send(&self, request: &Prepared, access: &Access, deadline: Instant) -> Result<Sent> {
        assert!(Instant::now() < deadline, "a request leaves at or after the deadline");
        self.world.tell(Event::Sent { call: self.call });
        let number = usize::try_from(self.next.fetch_add(1, Ordering::SeqCst)).unwrap();
        // Beyond its script Jira is well.
        let well = Reaction { after_ms: 5, kind: Kind::Answer { status: 200, reason: None, wait: None } };
        let reaction = self.plan.reactions.get(number).unwrap_or(&well).clone();
        let (mut body, progress) = Outgoing::open(request.body.as_ref()).await.unwrap();
        if !matches!(reaction.kind, Kind::NotSent) {
            while body.next().await.transpose().unwrap().is_some() {}
            if self.plan.file == File::Once {
                self.world.tell(Event::Spent { call: self.call });
            }
        }
        let expired = access.left() == 0;
        let exchange = async {
            sleep(Duration::from_millis(reaction.after_ms)).await;
            Ok(self.comes(reaction.kind.clone(), expired))
        };
        let outcome = in_time(exchange, request, &progress, deadline).await?;
        let moved = progress.moved() > 0;
        if matches!(outcome, Outcome::Broken { happened: Happened::TimedOut { sent: true }, .. }) {
            self.world.tell(Event::MayHaveRun { call: self.call });
        }
        if moved && self.plan.file == File::Unhurried {
            self.world.tell(Event::Moved { call: self.call });
        }
        Ok(Sent { outcome, moved })
    }

    fn wall_ms(&self) -> u64 {
        self.world.wall_ms()
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

impl Script<'_> {
    /// What becomes of a request in time.
    fn comes(&self, kind: Kind, expired: bool) -> Outcome {
        if may_have_run(&kind, expired) {
            self.world.tell(Event::MayHaveRun { call: self.call });
        }
        let words = "simulated".to_owned();
        match kind {
            Kind::NotSent => Outcome::Broken { happened: Happened::NotSent, status: None, words },
            Kind::Broke => Outcome::Broken { happened: Happened::Broke, status: None, words },
            Kind::Truncated => Outcome::Broken { happened: Happened::Truncated, status: Some(200), words },
            Kind::Answer { status, reason, wait } => Outcome::Answer(self.answer(status, reason, wait)),
        }
    }

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

/// A file as large as a call needs, wherever it is kept.
struct Again;

impl Source for Again {
    fn open(&self) -> BoxFuture<'_, std::io::Result<Opened>> {
        let stream = stream::iter([Ok(Bytes::from_static(b"file"))]).boxed();
        Box::pin(std::future::ready(Ok(Opened { stream, length: Some(4) })))
    }
}

fn prepared(plan: &Plan) -> Prepared {
    let site = Site::nameless(plan.cloud, "https://acme.atlassian.net");
    let hosts = Hosts::new(&BTreeMap::new()).unwrap();
    let destination = Destination::new(&hosts, plan.connection, &site, &[]);
    let timeout = Duration::from_millis(plan.timeout_ms);
    let once = || Body::once(stream::iter([Ok(Bytes::from_static(b"file"))]).boxed(), None);
    let file = match plan.file {
        File::None => None,
        File::Once => Some(once()),
        File::Unhurried => Some(Body::Source(Arc::new(Again))),
    };
    let options = RequestOptions {
        retry: plan.retry,
        files: file.map(|file| vec![Upload::new(file)]),
        timeout: (plan.file != File::Unhurried).then_some(timeout),
        ..RequestOptions::new(plan.connection, plan.method, plan.path)
    };
    let limits = Limits { max_body_bytes: 1 << 20, timeout };
    prepare(&destination, &options, limits, Intent::ByMethod).unwrap()
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
            let tokens = Slow { world, plan, generation: AtomicU64::new(1) };
            let result = attempt::run(&script, &limiter, &prepared(plan), &tokens, deadline).await;
            End { at: Instant::now(), result }
        }
    });
    let ends = join_all(calls).await;
    (world, ends)
}

/// Whether the server may have acted on what it met this way, written down once more (DESIGN §4, F6.9). What came with a
/// token past its end was turned away at the gateway, whatever that called it (F6.4).
fn may_have_run(kind: &Kind, expired: bool) -> bool {
    match kind {
        Kind::NotSent => false,
        Kind::Broke | Kind::Truncated => true,
        Kind::Answer { status: 401 | 429, .. } => false,
        Kind::Answer { status: 403 | 404, .. } => !expired,
        Kind::Answer { status: 503, wait: Some(Wait::Seconds(_) | Wait::Date(_)), .. } => false,
        Kind::Answer { .. } => true,
    }
}
