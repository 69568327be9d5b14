//! Bodies on their way out and in, whatever carries them: the one seam between what a call decides and the transport
//! below it. The transport takes a request with an [`Outgoing`] body and answers with a [`ByteStream`]; it knows
//! nothing of where bytes come from, of compression, or of limits.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};

mod feed;
mod file;

use crate::lock::lock;

pub use feed::{Feed, feed};

/// Bytes, piece by piece. After an error comes nothing more, and an error is never taken for the end.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// A request's body.
#[derive(Clone)]
pub enum Body {
    /// In memory.
    Bytes(Bytes),
    /// Somewhere it can be read from again, from its beginning.
    Source(Arc<dyn Source>),
    /// A stream that can be read once.
    Once(Arc<Once>),
    /// Several, one after another.
    Chain(Arc<[Body]>),
}

/// What a body can be read from as often as it takes.
pub trait Source: Send + Sync {
    /// Begins at the beginning.
    fn open(&self) -> BoxFuture<'_, io::Result<Opened>>;
}

/// A body opened for one attempt.
pub struct Opened {
    /// What it holds.
    pub stream: ByteStream,
    /// How many bytes that will be, where it is known.
    pub length: Option<u64>,
}

/// A stream until somebody reads it.
pub struct Once {
    stream: Mutex<Option<ByteStream>>,
    length: Option<u64>,
    spent: AtomicBool,
}

impl Body {
    /// The file at `path`, read while it is sent.
    pub fn file(path: impl Into<std::path::PathBuf>) -> Self {
        Self::Source(Arc::new(file::File::new(path.into())))
    }

    /// A stream that can be read once, and its length in bytes where it is known.
    pub fn once(stream: ByteStream, length: Option<u64>) -> Self {
        Self::Once(Arc::new(Once { stream: Mutex::new(Some(stream)), length, spent: AtomicBool::new(false) }))
    }

    /// Whether it has been begun and cannot be begun again.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Bytes(_) | Self::Source(_) => false,
            Self::Once(once) => once.spent.load(Ordering::Acquire),
            Self::Chain(parts) => parts.iter().any(Self::is_spent),
        }
    }

    /// Whether it could be begun again after it was sent.
    pub(crate) fn is_rewindable(&self) -> bool {
        match self {
            Self::Bytes(_) | Self::Source(_) => true,
            Self::Once(_) => false,
            Self::Chain(parts) => parts.iter().all(Self::is_rewindable),
        }
    }

    /// Whether it comes from somewhere else than memory, at a pace of its own.
    pub(crate) fn is_streamed(&self) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Source(_) | Self::Once(_) => true,
            Self::Chain(parts) => parts.iter().any(Self::is_streamed),
        }
    }

    /// Opens it for one attempt. A body that can be read once is taken when its first bytes are, so one that was
    /// opened in vain can be opened again.
    ///
    /// # Errors
    /// What the source cannot be opened for.
    pub(crate) fn open(&self) -> BoxFuture<'_, io::Result<Opened>> {
        match self {
            Self::Bytes(bytes) => Box::pin(std::future::ready(Ok(Opened::bytes(bytes.clone())))),
            Self::Source(source) => source.open(),
            Self::Once(once) => Box::pin(std::future::ready(Ok(Once::open(once)))),
            Self::Chain(parts) => Box::pin(chain(parts)),
        }
    }
}

async fn chain(parts: &[Body]) -> io::Result<Opened> {
    let mut streams = Vec::with_capacity(parts.len());
    let mut length = Some(0_u64);
    for part in parts {
        let opened = part.open().await?;
        length = length.zip(opened.length).and_then(|(sum, more)| sum.checked_add(more));
        streams.push(opened.stream);
    }
    Ok(Opened { stream: stream::iter(streams).flatten().boxed(), length })
}

impl Opened {
    fn bytes(bytes: Bytes) -> Self {
        let length = u64::try_from(bytes.len()).ok();
        let stream = stream::iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed();
        Self { stream, length }
    }
}

impl Once {
    fn open(this: &Arc<Self>) -> Opened {
        let once = Arc::clone(this);
        let stream = stream::once(async move {
            once.spent.store(true, Ordering::Release);
            let taken = lock(&once.stream).take();
            taken.ok_or_else(|| io::Error::other("it can be read once, and was read before"))
        });
        Opened { stream: stream.try_flatten().boxed(), length: this.length }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Source(_) => f.write_str("a source"),
            Self::Once(_) => f.write_str("a stream"),
            Self::Chain(parts) => f.debug_list().entries(parts.iter()).finish(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// A body under way, as the transport takes it: a stream of bytes that tells its [`Progress`].
pub(crate) struct Outgoing {
    content: Content,
    /// How many bytes are still to come, where that was promised in `Content-Length`.
    left: Option<u64>,
    progress: Arc<Progress>,
}

enum Content {
    Memory(Option<Bytes>),
    Stream(ByteStream),
}

/// What becomes of a body while the transport has it.
#[derive(Default)]
pub(crate) struct Progress {
    begun: AtomicBool,
    moved: AtomicU64,
    failed: Mutex<Option<io::Error>>,
}

impl Progress {
    /// Whether the connection stood and bytes of the body were asked for. Until then the other side cannot have acted
    /// on the request, because its body is missing.
    pub(crate) fn begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    /// How many bytes were handed to the transport.
    pub(crate) fn moved(&self) -> u64 {
        self.moved.load(Ordering::Acquire)
    }

    /// Why the body could not be read to its end. The request cannot have been whole then.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        lock(&self.failed).take()
    }
}

impl Outgoing {
    /// Opens a body. A request without one is an empty one.
    ///
    /// # Errors
    /// What its source cannot be opened for.
    pub(crate) async fn open(body: Option<&Body>) -> io::Result<(Self, Arc<Progress>)> {
        let (content, left) = match body {
            None => (Content::Memory(None), Some(0)),
            Some(Body::Bytes(bytes)) => {
                let bytes = Some(bytes.clone()).filter(|bytes| !bytes.is_empty());
                let length = bytes.as_ref().map_or(Some(0), |bytes| u64::try_from(bytes.len()).ok());
                (Content::Memory(bytes), length)
            }
            Some(body) => {
                let Opened { stream, length } = body.open().await?;
                (Content::Stream(stream), length)
            }
        };
        let progress = Arc::new(Progress::default());
        // Of an empty body nothing is ever asked for, so it counts as begun.
        progress.begun.store(left == Some(0), Ordering::Release);
        Ok((Self { content, left, progress: Arc::clone(&progress) }, progress))
    }

    /// How many bytes are still to come: none for an empty body, and nothing where it is not known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.left
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let piece = match &mut self.content {
            Content::Memory(bytes) => bytes.take().map(Ok),
            Content::Stream(stream) => ready!(stream.poll_next_unpin(context)),
        };
        Poll::Ready(match piece {
            Some(Ok(bytes)) => Some(self.count(bytes)),
            Some(Err(error)) => Some(Err(error)),
            // What is shorter than was promised must not look whole to the other side.
            None => match self.left {
                Some(1..) => Some(Err(io::Error::other("it became shorter while it was sent"))),
                _ => None,
            },
        })
    }

    fn count(&mut self, bytes: Bytes) -> io::Result<Bytes> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if let Some(left) = self.left {
            let rest = left.checked_sub(length);
            self.left = Some(rest.ok_or_else(|| io::Error::other("it became longer while it was sent"))?);
        }
        self.progress.moved.fetch_add(length, Ordering::AcqRel);
        Ok(bytes)
    }
}

impl Stream for Outgoing {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.progress.begun.store(true, Ordering::Release);
        let piece = ready!(this.next(context));
        Poll::Ready(match piece {
            Some(Err(error)) => {
                // The caller learns the reason; the transport only that it has to break off.
                this.content = Content::Memory(None);
                this.left = None;
                *lock(&this.progress.failed) = Some(error);
                Some(Err(io::Error::other("the body broke off")))
            }
            piece => piece,
        })
    }
}

/// What a transport failed at.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Whether it failed before a connection stood, so that nothing of the request can have arrived.
    pub(crate) not_sent: bool,
    /// In words that never hold a URL's query or a header.
    pub(crate) words: String,
}

#[cfg(test)]
mod tests;
