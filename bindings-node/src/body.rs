//! A body on its way to JavaScript.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use napi::Env;
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use threelo_core::request::Download;
use threelo_core::{Code, Error};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::free::when_free;
use crate::port::{Answer, NativePort, Port};

/// The body of an answer, piece by piece.
#[napi]
pub struct NativeBody {
    download: Arc<Mutex<Option<Download>>>,
    /// The piece that waits to be taken.
    piece: Arc<parking_lot::Mutex<Bytes>>,
    closing: CancellationToken,
    port: Arc<Port>,
}

impl NativeBody {
    pub(crate) fn new(download: Download, port: &NativePort) -> Self {
        let download = Arc::new(Mutex::new(Some(download)));
        let (piece, closing) = (Arc::default(), CancellationToken::new());
        Self { download, piece, closing, port: Arc::clone(&port.0) }
    }
}

fn closed() -> Error {
    Error::new(Code::Cancelled, "the response was closed before its end was read")
}

#[napi]
impl NativeBody {
    /// Waits for the next piece, which is then there to be taken; the result is its length, or nothing at the end.
    #[napi]
    pub fn read(&self, id: u32) {
        let (download, closing) = (Arc::clone(&self.download), self.closing.clone());
        let waiting = Arc::clone(&self.piece);
        self.port.run(id, async move {
            let mut download = download.lock().await;
            let reading = download.as_mut().ok_or_else(closed)?.next();
            let piece = closing.run_until_cancelled(reading).await;
            if piece.is_none() {
                *download = None;
            }
            let piece = piece.ok_or_else(closed)??;
            let length = piece.as_ref().map(|piece| piece.len().to_string());
            *waiting.lock() = piece.unwrap_or_default();
            Ok(Answer::Text(length))
        });
    }

    /// The piece that was read, copied into memory whose size JavaScript's collector knows.
    #[napi]
    pub fn take<'env>(&self, env: &'env Env) -> napi::Result<BufferSlice<'env>> {
        BufferSlice::copy_from(env, std::mem::take(&mut *self.piece.lock()))
    }

    /// Writes what is left to a file; the result is how many bytes that were.
    #[napi]
    pub fn save(&self, id: u32, path: String) {
        let (download, closing) = (Arc::clone(&self.download), self.closing.clone());
        self.port.run(id, async move {
            let mut download = download.lock().await;
            let saving = download.as_mut().ok_or_else(closed)?;
            let saved = closing.run_until_cancelled(saving.save(&PathBuf::from(path))).await;
            if saved.is_none() {
                *download = None;
            }
            saved.ok_or_else(closed)?.map(|length| Answer::Text(Some(length.to_string())))
        });
    }

    /// Gives the connection up, unless the end was read.
    #[napi]
    pub fn close(&self) {
        self.closing.cancel();
        when_free(&self.download, |download| *download = None);
    }
}
