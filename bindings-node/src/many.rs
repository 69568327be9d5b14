//! The results of one call for many connections, as the face sees them.

use std::sync::Arc;

use napi_derive::napi;
use threelo_core::Many;
use tokio::sync::Mutex;

use crate::free::when_free;
use crate::port::{Answer, Port};

/// Results, asked for one after another.
#[napi]
pub struct NativeMany {
    many: Arc<Mutex<Many>>,
    port: Arc<Port>,
}

impl NativeMany {
    pub(crate) fn new(many: Many, port: &Arc<Port>) -> Self {
        Self { many: Arc::new(Mutex::new(many)), port: Arc::clone(port) }
    }
}

#[napi]
impl NativeMany {
    /// The next result: whose it is as text, and beside it the response or the failure. Nothing at the end.
    #[napi]
    pub fn next(&self, id: u32) {
        let many = Arc::clone(&self.many);
        self.port.run(id, async move { Ok(Answer::Result(many.lock().await.next().await)) });
    }

    /// Ends the calls under way.
    #[napi]
    pub fn end(&self) {
        when_free(&self.many, Many::end);
    }
}
