//! Files on their way from Python. What is read from Python objects is read piece by piece, as the connection takes it:
//! from file objects and iterators on threads of their own, never on an event loop; from what is asynchronous by a task
//! of the face, which a [`NativeFeed`] tells when the next piece is wanted.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use threelo_core::body::{Body, ByteStream, Feed, Opened, Source, feed};
use threelo_core::{Casing, RequestOptions, Upload};

use crate::answer::{Answer, Work, work};
use crate::blocking::wait;
use crate::client::NativeClient;
use crate::pending::PendingCall;
use crate::process::{OfProcess, lock};
use crate::response::NativeResponse;

/// A file as the face hands it over: content, name, media type, field.
#[derive(FromPyObject)]
pub(crate) struct Part(Content, Option<String>, Option<String>, Option<String>);

/// What a file is read from.
#[derive(FromPyObject)]
enum Content {
    Path(String),
    Bytes(PyBackedBytes),
    Feed(Py<NativeFeed>),
    /// An object with `length`, `rewinds`, `rewind()`, `next()` and `close()`.
    Pieces(Py<PyAny>),
}

/// `proxy_request` with files.
#[pyfunction]
pub(crate) fn upload(
    py: Python<'_>,
    client: &NativeClient,
    options: String,
    data: Option<PyBackedBytes>,
    files: Vec<Part>,
) -> PyResult<Py<PyAny>> {
    wait(py, exchange(py, client, options, data, files)?)
}

/// The same, awaited.
#[pyfunction]
pub(crate) fn upload_async(
    py: Python<'_>,
    client: &NativeClient,
    options: String,
    data: Option<PyBackedBytes>,
    files: Vec<Part>,
) -> PyResult<PendingCall> {
    PendingCall::start(py, exchange(py, client, options, data, files)?)
}

fn exchange(
    py: Python<'_>,
    client: &NativeClient,
    options: String,
    data: Option<PyBackedBytes>,
    files: Vec<Part>,
) -> PyResult<Work> {
    let live = client.live(py)?;
    let files = files.into_iter().map(|part| part.read(py)).collect::<PyResult<Vec<_>>>()?;
    Ok(work(async move {
        let data = data.map(Bytes::from_owner);
        let options = RequestOptions::decode(&options, data, Some(files), Casing::Snake)?;
        let response = live.client().await?.proxy_request(options).await?;
        Ok(Answer::Response(Box::new(NativeResponse::new(response))))
    }))
}

impl Part {
    fn read(self, py: Python<'_>) -> PyResult<Upload> {
        let Self(content, filename, content_type, field) = self;
        let upload = match content {
            Content::Path(path) => Upload::path(path),
            Content::Bytes(bytes) => Upload::new(Bytes::from_owner(bytes)),
            Content::Feed(feed) => Upload::new(feed.get().body()),
            Content::Pieces(pieces) => Upload::new(Pieces::body(pieces.bind(py))?),
        };
        Ok(Upload { filename: filename.or(upload.filename), content_type, field, content: upload.content })
    }
}

/// A Python object that gives bytes when it is asked. It is asked on threads that may block, one question at a time.
struct Pieces {
    /// None once it is being closed.
    object: Option<Py<PyAny>>,
    length: Option<u64>,
}

impl Pieces {
    fn body(object: &Bound<'_, PyAny>) -> PyResult<Body> {
        let length = object.getattr("length")?.extract()?;
        let pieces = Arc::new(Self { object: Some(object.clone().unbind()), length });
        if object.getattr("rewinds")?.extract()? {
            return Ok(Body::Source(Arc::new(Rewinding(pieces))));
        }
        Ok(Body::once(Self::stream(pieces), length))
    }

    /// Asks on a thread that may block. The question that is under way keeps the object, so that it is never closed
    /// while it is read.
    async fn ask<T: Send + 'static>(
        this: Arc<Self>,
        question: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T> + Send + 'static,
    ) -> io::Result<T> {
        let answer = tokio::task::spawn_blocking(move || {
            let object = this.object.as_ref()?;
            Python::try_attach(|py| question(object.bind(py)).map_err(|error| worded(py, &error)))
        });
        let gone = || io::Error::other("the interpreter is shutting down");
        answer.await.map_err(|_| gone())?.ok_or_else(gone)?
    }

    fn stream(this: Arc<Self>) -> ByteStream {
        let pieces = stream::try_unfold(this, |this| async move {
            let piece = Self::ask(this.clone(), |object| {
                Ok(object.call_method0("next")?.extract::<Option<PyBackedBytes>>()?)
            });
            Ok(piece.await?.map(|piece| (Bytes::from_owner(piece), this)))
        });
        pieces.boxed()
    }
}

impl Drop for Pieces {
    /// Iterators are told that nothing more will be asked. This may be a worker, which never attaches.
    fn drop(&mut self) {
        let object = self.object.take();
        let close = move || {
            Python::try_attach(|py| {
                if let Some(Err(error)) = object.map(|object| object.call_method0(py, "close")) {
                    error.write_unraisable(py, None);
                }
            })
        };
        match tokio::runtime::Handle::try_current() {
            Ok(handle) => drop(handle.spawn_blocking(close)),
            Err(_) => drop(close()),
        }
    }
}

/// Pieces that begin anew for every attempt.
struct Rewinding(Arc<Pieces>);

impl Source for Rewinding {
    fn open(&self) -> BoxFuture<'_, io::Result<Opened>> {
        Box::pin(async move {
            let rewound = Pieces::ask(self.0.clone(), |object| object.call_method0("rewind").map(drop));
            rewound.await?;
            Ok(Opened { stream: Pieces::stream(self.0.clone()), length: self.0.length })
        })
    }
}

fn worded(py: Python<'_>, error: &PyErr) -> io::Error {
    let name = error.get_type(py).name().map(|name| name.to_string()).unwrap_or_default();
    io::Error::other(format!("{name}: {}", error.value(py)))
}

/// Bytes that a task of an event loop hands over, one piece each time it is asked.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeFeed {
    body: Mutex<Option<Body>>,
    feed: OfProcess<Arc<Feed>>,
}

#[pymethods]
impl NativeFeed {
    #[new]
    fn new() -> Self {
        let (body, feed) = feed(None, false);
        Self { body: Mutex::new(Some(body)), feed: OfProcess::new(Arc::new(feed)) }
    }

    /// Waits until a piece is wanted. `None` when none will be any more.
    fn asked(&self, py: Python<'_>) -> PyResult<PendingCall> {
        let feed = self.feed.get().cloned();
        let asked = async move {
            let asked = match feed {
                Some(feed) => feed.asked().await,
                None => None,
            };
            Ok(Answer::Text(asked.map(|_| String::new())))
        };
        PendingCall::start(py, work(asked))
    }

    /// The piece that was asked for; `None` at the end.
    fn give(&self, piece: Option<PyBackedBytes>) {
        self.answer(Ok(piece.map(Bytes::from_owner)));
    }

    /// There should be more, but it cannot be read.
    fn fail(&self, words: String) {
        self.answer(Err(io::Error::other(words)));
    }
}

impl NativeFeed {
    fn body(&self) -> Body {
        // A second user of the same feed has nothing to read.
        lock(&self.body).take().unwrap_or(Body::Bytes(Bytes::new()))
    }

    fn answer(&self, piece: io::Result<Option<Bytes>>) {
        if let Some(feed) = self.feed.get() {
            feed.answer(piece);
        }
    }
}
