//! What the browser may do on a page: nothing but what the page is made of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::{Page, layout};

/// The Content-Security-Policy of a page.
pub(crate) fn of(page: &Page) -> String {
    let script = page.script.map(|script| format!("script-src {}; connect-src 'self'; ", source(script)));
    format!(
        "default-src 'none'; style-src {}; {}form-action {}; base-uri 'none'; frame-ancestors 'none'",
        source(layout::STYLE),
        script.unwrap_or_default(),
        page.forms.as_deref().unwrap_or("'none'"),
    )
}

/// Exactly this text and no other.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}
