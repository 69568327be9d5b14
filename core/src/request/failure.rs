//! What went wrong on the wire, in words that never hold a URL's query or a header.

use std::error::Error as StdError;

/// Whether the failure happened before the connection stood, so that nothing of the request can have arrived.
pub(super) fn certainly_not_sent(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_builder()
}

/// The innermost cause of a failure. Outer layers repeat it and may hold the URL.
pub(super) fn words(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    let mut innermost = None;
    while let Some(inner) = cause {
        innermost = Some(inner);
        cause = inner.source();
    }
    match innermost {
        Some(inner) => inner.to_string(),
        None if error.is_timeout() => "timed out".to_owned(),
        None => "the connection broke".to_owned(),
    }
}
