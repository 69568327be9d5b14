//! Where calls of one JavaScript environment (the main thread, or a worker) are started and come back. What ended
//! since the last turn of the event loop is handed back in one go: waking the loop costs more than a call does.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use futures::FutureExt;
use napi::bindgen_prelude::{Function, block_on, spawn};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use parking_lot::Mutex;
use threelo_core::{Client, CloseOptions, RequestResult, Unfinished};
use tokio::task::AbortHandle;

use crate::failure::Failure;
use crate::response::NativeResponse;

/// What became of a call. At most one field stands beside `id`; none means that there is nothing (any more). A result
/// of many has its text, and its response or its failure.
#[napi(object, object_from_js = false)]
pub struct Completion {
    /// The number the call was started with.
    pub id: u32,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Its result as JSON.
    pub text: Option<String>,
    /// Its result, for `request`.
    pub response: Option<NativeResponse>,
}

/// What a call of the core yields.
pub(crate) enum Answer {
    Text(Option<String>),
    Response(threelo_core::request::Response),
    /// One of many; nothing at their end.
    Result(Option<RequestResult>),
}

impl Completion {
    fn new(id: u32, ended: Result<Answer, Failure>) -> Self {
        let empty = Self { id, failure: None, text: None, response: None };
        match ended {
            Ok(Answer::Text(text)) => Self { text, ..empty },
            Ok(Answer::Response(response)) => Self { response: Some(response.into()), ..empty },
            Ok(Answer::Result(None)) => empty,
            Ok(Answer::Result(Some(result))) => {
                let text = Some(result.head_to_json());
                match result.outcome {
                    Ok(response) => Self { text, response: Some(response.into()), ..empty },
                    Err(error) => Self { text, failure: Some(error.into()), ..empty },
                }
            }
            Err(failure) => Self { failure: Some(failure), ..empty },
        }
    }
}

/// Weak: it wakes the event loop without keeping it alive, unless [`NativePort::hold`] says so.
type Bell = ThreadsafeFunction<(), (), Vec<Completion>, Status, false, true, 0>;

/// What the port and the tasks of its calls share.
#[derive(Default)]
struct Calls {
    ended: Mutex<Vec<Completion>>,
    running: Mutex<HashMap<u32, AbortHandle>>,
    /// Clients, and what they leave behind: the collector takes what JavaScript no longer names, whatever it does.
    clients: Mutex<Vec<(Weak<Client>, Unfinished)>>,
}

impl Calls {
    fn take(&self) -> Vec<Completion> {
        let ended = std::mem::take(&mut *self.ended.lock());
        let mut running = self.running.lock();
        for completion in &ended {
            running.remove(&completion.id);
        }
        ended
    }

    /// The environment ends: nobody waits for its calls any more, but rotations in flight are still stored. Waits for
    /// that as long as the core's `close` does.
    fn end(&self) {
        self.running.lock().drain().for_each(|(_, task)| task.abort());
        let ending =
            std::mem::take(&mut *self.clients.lock()).into_iter().map(async |(client, unfinished)| {
                match client.upgrade() {
                    Some(client) => drop(client.close(CloseOptions::default()).await),
                    None => unfinished.finish().await,
                }
            });
        block_on(async { drop(futures::future::join_all(ending).await) });
    }
}

/// Completions, when the collector was told what their responses keep.
fn weighed(env: &Env, ended: Vec<Completion>) -> napi::Result<Vec<Completion>> {
    let weight = ended.iter().filter_map(|ended| ended.response.as_ref()).map(NativeResponse::weight).sum();
    if weight > 0 {
        env.adjust_external_memory(weight)?;
    }
    Ok(ended)
}

/// Starts calls and brings back what became of them.
pub(crate) struct Port {
    calls: Arc<Calls>,
    bell: Mutex<Bell>,
}

impl Port {
    /// Starts `work`; its end arrives as a [`Completion`] with this id, unless it is cancelled.
    pub(crate) fn run(
        self: &Arc<Self>,
        id: u32,
        work: impl Future<Output = threelo_core::Result<Answer>> + Send + 'static,
    ) {
        let port = Arc::clone(self);
        // In its box before anything else: what a call keeps is large to be moved.
        let work = work.boxed();
        let task = spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            let ended = ended.map_err(Failure::panic).and_then(|ended| ended.map_err(Failure::from));
            port.push(Completion::new(id, ended));
        });
        // `take` runs on this same thread, so even a call that has ended by now is still to be taken out.
        self.calls.running.lock().insert(id, task.abort_handle());
    }

    fn push(&self, completion: Completion) {
        let first = {
            let mut ended = self.calls.ended.lock();
            ended.push(completion);
            ended.len() == 1
        };
        // With the lock free: JavaScript's thread may go on as soon as it is rung, and would wait for it.
        if first {
            // Refused only when the environment has ended, and nobody waits.
            let _ = self.bell.lock().call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    #[expect(deprecated, reason = "napi offers no other way to change this once the function is made")]
    fn hold(&self, env: Env, wanted: bool) -> napi::Result<()> {
        let mut bell = self.bell.lock();
        if wanted { bell.refer(&env) } else { bell.unref(&env) }
    }

    /// Has the client's rotations stored before the environment is gone.
    pub(crate) fn watch(&self, client: &Arc<Client>) {
        let mut clients = self.calls.clients.lock();
        clients.retain(|(client, unfinished)| client.strong_count() > 0 || !unfinished.is_done());
        clients.push((Arc::downgrade(client), client.unfinished()));
    }
}

/// The face's hold on the [`Port`] of its environment.
#[napi]
pub struct NativePort(pub(crate) Arc<Port>);

#[napi]
impl NativePort {
    /// `deliver` is called with everything that ended since the last time; it must not throw.
    #[napi(constructor)]
    pub fn new(env: Env, deliver: Function<'_, Vec<Completion>, ()>) -> napi::Result<Self> {
        let calls = Arc::new(Calls::default());
        let taken = Arc::clone(&calls);
        let bell = deliver.build_threadsafe_function::<()>().weak::<true>();
        let bell = Mutex::new(bell.build_callback(move |call| weighed(&call.env, taken.take()))?);
        env.add_env_cleanup_hook(Arc::clone(&calls), |calls| calls.end())?;
        Ok(Self(Arc::new(Port { calls, bell })))
    }

    /// Drops a call. A rotation it waits for goes on.
    #[napi]
    pub fn cancel(&self, id: u32) {
        if let Some(task) = self.0.calls.running.lock().remove(&id) {
            task.abort();
        }
    }

    /// What the end of the environment does by itself, except where Node skips it: at `process.exit()` and after an
    /// uncaught exception.
    #[napi]
    pub fn end(&self) {
        self.0.calls.end();
    }

    /// Keeps the process alive, or no longer does: the face holds while anybody waits for a call.
    #[napi]
    pub fn hold(&self, env: Env, wanted: bool) -> napi::Result<()> {
        self.0.hold(env, wanted)
    }
}
