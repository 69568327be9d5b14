//! The core's log lines, as the face sees them: asked for one after another, like events.

use std::sync::Arc;

use napi_derive::napi;
use threelo_core::log::{Lines, listen};
use threelo_core::{Code, Error};
use tokio::sync::Mutex;

use crate::client::NativeClient;
use crate::port::{Answer, NativePort, Port};

/// One listener's end. It hears everything from the moment it is made.
#[napi]
pub struct NativeLog {
    lines: Arc<Mutex<Lines>>,
    port: Arc<Port>,
}

#[napi]
impl NativeLog {
    /// Listens from now on.
    #[napi(constructor)]
    pub fn new(port: &NativePort) -> Self {
        Self { lines: Arc::new(Mutex::new(listen())), port: Arc::clone(&port.0) }
    }

    /// No more lines come once the client is gone. To be said before the first one is asked for.
    #[napi]
    pub fn end_with(&self, client: &NativeClient) {
        if let Ok(mut lines) = self.lines.try_lock() {
            lines.end_with(&client.client);
        }
    }

    /// The next line as JSON, or nothing when no more will come.
    #[napi]
    pub fn next(&self, id: u32) {
        let lines = Arc::clone(&self.lines);
        self.port.run(id, async move {
            let line = lines.lock().await.next().await.map(|line| serde_json::to_string(&*line));
            let unreadable = |_| Error::new(Code::InvalidArgument, "a line could not be written as JSON");
            Ok(Answer::Text(line.transpose().map_err(unreadable)?))
        });
    }
}
