//! Bodies that tell when they start to be sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_LENGTH};

/// A body that sets `begun` when the connection stands and its bytes are about to be written. Until then the other
/// side cannot have acted on the request, because its body is missing.
///
/// The length goes into `headers`: without it the body would be sent in chunks.
pub(super) fn telling(content: Bytes, headers: &mut HeaderMap, begun: Arc<AtomicBool>) -> reqwest::Body {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    reqwest::Body::wrap_stream(futures::stream::once(async move {
        begun.store(true, Ordering::Release);
        Ok::<_, Infallible>(content)
    }))
}
