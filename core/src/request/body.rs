//! Bodies that tell when they start to be sent.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_LENGTH};

/// Why a body was held back: its check said no.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("held back before it was sent")]
struct HeldBack;

/// A body whose `before` runs when the connection stands and the first byte is about to be written. Until then the
/// other side cannot have acted on the request, because its body is missing; when `before` says no, it never will.
///
/// The length goes into `headers`: without it the body would be sent in chunks.
pub(crate) fn late(
    content: Bytes,
    headers: &mut HeaderMap,
    before: impl FnOnce() -> bool + Send + 'static,
) -> reqwest::Body {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    reqwest::Body::wrap_stream(futures::stream::once(async move {
        if before() { Ok(content) } else { Err(HeldBack) }
    }))
}
