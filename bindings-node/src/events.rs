//! Events, as the face sees them: asked for one after another, so that a slow subscriber misses some instead of
//! filling the memory.

use std::sync::Arc;

use napi_derive::napi;
use threelo_core::{Code, Error, Subscription};
use tokio::sync::Mutex;

use crate::port::{Answer, Port};

/// One subscriber's end.
#[napi]
pub struct NativeEvents {
    events: Arc<Mutex<Subscription>>,
    port: Arc<Port>,
}

impl NativeEvents {
    pub(crate) fn new(events: Subscription, port: &Arc<Port>) -> Self {
        Self { events: Arc::new(Mutex::new(events)), port: Arc::clone(port) }
    }
}

#[napi]
impl NativeEvents {
    /// The next event as JSON, or nothing when the client is gone.
    #[napi]
    pub fn next(&self, id: u32) {
        let events = Arc::clone(&self.events);
        self.port.run(id, async move {
            let event = events.lock().await.next().await.map(|event| serde_json::to_string(&event));
            let unreadable = |_| Error::new(Code::InvalidArgument, "an event could not be written as JSON");
            Ok(Answer::Text(event.transpose().map_err(unreadable)?))
        });
    }
}
