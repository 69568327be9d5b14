//! One call for many connections, or for all sites of their grants. Answers come as they come; an error is one of them.

mod turns;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use super::{Client, after};
use crate::connect::sites;
use crate::error::{Error, Result};
use crate::options::ManyOptions;
use crate::records::Site;
use crate::request::{self, Response};
use turns::Turns;

/// Most calls under way at once.
const MOST: u32 = 256;
/// How many connections are looked up at once, ahead of their calls.
const LOOKED_UP: usize = 16;

/// What became of the call for one connection at one site.
#[derive(Debug)]
pub struct RequestResult {
    /// The connection.
    pub id: String,
    /// The site that was asked; none where the connection could not be looked up.
    pub site: Option<Site>,
    /// The answer, or why there is none.
    pub outcome: Result<Response>,
}

impl Client {
    /// The same call for many connections, or for all sites of their grants, several at once. What goes wrong for one is
    /// told in its result and delays no other. Nothing is sent before the first result is asked for.
    ///
    /// # Errors
    /// `invalid_argument`, `destination_refused`; the results bring those of [`Client::proxy_request`].
    pub fn proxy_request_many(&self, mut options: ManyOptions) -> Result<Many> {
        if !(1..=MOST).contains(&options.concurrency) {
            let given = options.concurrency.to_string();
            return Err(Error::argument("concurrency", given, &format!("a number from 1 to {MOST}")));
        }
        request::check(&self.connector().config.hosts, &options.single("", None))?;
        let ids = std::mem::take(&mut options.ids).into_iter();
        Ok(Many {
            client: self.clone(),
            options: Arc::new(options),
            ids,
            looked_up: 0,
            calling: 0,
            turns: Turns::default(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            come: VecDeque::new(),
        })
    }

    /// The sites a connection is to be asked at.
    async fn targets(&self, id: &str, options: &ManyOptions) -> Result<Vec<Site>> {
        let span = options.timeout.unwrap_or(self.connector().config.timings.request_timeout);
        self.run(Some(span), |_| async {
            let (held, site) = match self.site_of(id, None, after(span)).await {
                Err(_) if options.all_sites => {
                    let (_, held) = self.resolve(id, after(span)).await?;
                    (held, None)
                }
                found => found.map(|(held, site)| (held, Some(site)))?,
            };
            if !options.all_sites {
                return Ok(site.into_iter().collect());
            }
            let listed = sites::jira(&held.row.sites);
            Ok(if listed.is_empty() { site.into_iter().collect() } else { listed })
        })
        .await
    }
}

/// The results of [`Client::proxy_request_many`], as they come. Dropped, it ends the calls under way.
#[derive(Debug)]
pub struct Many {
    client: Client,
    options: Arc<ManyOptions>,
    ids: std::vec::IntoIter<String>,
    looked_up: usize,
    calling: u32,
    turns: Turns<Target>,
    tasks: JoinSet<Done>,
    running: HashMap<Id, Target>,
    /// What came while nothing was to go on in the background, and was not asked for yet.
    come: VecDeque<RequestResult>,
}

/// Whom a task works for.
#[derive(Clone, Debug)]
struct Target {
    id: String,
    site: Option<Site>,
}

#[derive(Debug)]
enum Done {
    LookedUp(Result<Vec<Site>>),
    Called(Result<Response>),
}

impl Many {
    /// The next result; none when there are no more. A call that is dropped loses nothing.
    ///
    /// While a result is being used the other calls go on. Where nothing may go on in the background, all that were begun
    /// together are waited for.
    pub async fn next(&mut self) -> Option<RequestResult> {
        while self.come.is_empty() || !(self.client.background() || self.tasks.is_empty()) {
            if self.come.is_empty() {
                self.top_up();
            }
            let joined = self.tasks.join_next_with_id().await?;
            let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
            let Some(target) = self.running.remove(&id) else { continue };
            let done = match joined {
                Ok((_, done)) => done,
                Err(_) if target.site.is_some() => Done::Called(Err(Error::panicked())),
                Err(_) => Done::LookedUp(Err(Error::panicked())),
            };
            let result = self.take(target, done);
            self.come.extend(result);
        }
        self.come.pop_front()
    }

    /// Ends the calls under way; what they would have brought is not there any more.
    pub fn end(&mut self) {
        self.ids = Vec::new().into_iter();
        self.turns = Turns::default();
        self.tasks = JoinSet::new();
        self.running.clear();
        self.come.clear();
    }

    fn take(&mut self, Target { id, site }: Target, done: Done) -> Option<RequestResult> {
        match done {
            Done::LookedUp(found) => {
                self.looked_up -= 1;
                match found {
                    Err(error) => return Some(RequestResult { id, site, outcome: Err(error) }),
                    Ok(sites) => sites.into_iter().for_each(|site| {
                        let cloud_id = site.cloud_id.clone();
                        self.turns.push(&cloud_id, Target { id: id.clone(), site: Some(site) });
                    }),
                }
                None
            }
            Done::Called(outcome) => {
                self.calling -= 1;
                site.iter().for_each(|site| self.turns.ended(&site.cloud_id));
                Some(RequestResult { id, site, outcome })
            }
        }
    }

    fn top_up(&mut self) {
        while self.looked_up < LOOKED_UP
            && let Some(id) = self.ids.next()
        {
            self.looked_up += 1;
            let (client, options) = (self.client.clone(), Arc::clone(&self.options));
            let named = id.clone();
            let task = async move { Done::LookedUp(client.targets(&named, &options).await) };
            self.start(Target { id, site: None }, task);
        }
        let slots = usize::try_from(self.options.concurrency).unwrap_or(usize::MAX);
        while self.calling < self.options.concurrency
            && let Some(target) = self.turns.take(slots, self.looked_up > 0)
        {
            self.calling += 1;
            let site = target.site.as_ref().map(|site| site.cloud_id.clone());
            let options = self.options.single(&target.id, site.filter(|_| self.options.all_sites));
            let client = self.client.clone();
            self.start(target, async move { Done::Called(client.proxy_request(options).await) });
        }
    }

    fn start(&mut self, target: Target, task: impl Future<Output = Done> + Send + 'static) {
        let handle = self.tasks.spawn(task);
        self.running.insert(handle.id(), target);
    }
}
