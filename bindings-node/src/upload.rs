//! Files on their way from JavaScript. What JavaScript has to read is asked for piece by piece, as the connection takes
//! it.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use threelo_core::body::{Feed, feed};
use threelo_core::{Casing, RequestOptions, Upload};

use crate::client::NativeClient;
use crate::port::{Answer, NativePort, Port};

/// What Jira is to know of a file.
#[napi(object, object_to_js = false)]
pub struct FileNames {
    /// Its name.
    pub filename: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// The form's field.
    pub field: Option<String>,
}

/// The files of one call.
#[napi]
#[derive(Default)]
pub struct NativeUploads(Vec<Upload>);

#[napi]
impl NativeUploads {
    /// None yet.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// A file, read while it is sent.
    #[napi]
    pub fn add_path(&mut self, path: String, names: FileNames) {
        self.add(Upload::path(path), names);
    }

    /// Bytes, copied: JavaScript may change its own.
    #[napi]
    pub fn add_bytes(&mut self, content: &[u8], names: FileNames) {
        self.add(Upload::new(Bytes::copy_from_slice(content)), names);
    }

    /// Something JavaScript reads.
    #[napi]
    pub fn add_feed(
        &mut self,
        port: &NativePort,
        names: FileNames,
        length: Option<f64>,
        rewinds: bool,
    ) -> NativeFeed {
        let (body, feed) = feed(length.map(|length| length as u64), rewinds);
        self.add(Upload::new(body), names);
        NativeFeed { feed: Arc::new(feed), port: Arc::clone(&port.0) }
    }

    /// `proxyRequest` with these files, which are given away.
    #[napi]
    pub fn send(&mut self, client: &NativeClient, id: u32, options: String, data: Option<Uint8Array>) {
        let (client, port) = (Arc::clone(&client.client), Arc::clone(&client.port));
        let (files, data) = (std::mem::take(&mut self.0), data.map(|data| Bytes::copy_from_slice(&data)));
        port.run(id, async move {
            let options = RequestOptions::decode(&options, data, Some(files), Casing::Camel)?;
            client.proxy_request(options).await.map(Answer::Response)
        });
    }
}

impl NativeUploads {
    fn add(&mut self, upload: Upload, names: FileNames) {
        let FileNames { filename, content_type, field } = names;
        self.0.push(Upload {
            filename: filename.or(upload.filename),
            content_type,
            field,
            content: upload.content,
        });
    }
}

/// The end where JavaScript puts pieces in.
#[napi]
pub struct NativeFeed {
    feed: Arc<Feed>,
    port: Arc<Port>,
}

#[napi]
impl NativeFeed {
    /// Waits until a piece is wanted: `first`, or `next`; nothing when none will be any more.
    #[napi]
    pub fn asked(&self, id: u32) {
        let feed = Arc::clone(&self.feed);
        self.port.run(id, async move {
            let asked = feed.asked().await.map(|first| if first { "first" } else { "next" });
            Ok(Answer::Text(asked.map(str::to_owned)))
        });
    }

    /// The piece that was asked for; nothing at the end.
    #[napi]
    pub fn give(&self, piece: Option<&[u8]>) {
        self.feed.answer(Ok(piece.map(Bytes::copy_from_slice)));
    }

    /// There should be more, but it cannot be read.
    #[napi]
    pub fn fail(&self, words: String) {
        self.feed.answer(Err(io::Error::other(words)));
    }
}
