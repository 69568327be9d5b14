//! What an error answer of the gateway or of a product means, and what to do about it (F6).

mod body;
mod explain;
mod scopes;

use http::HeaderMap;

pub(crate) use body::clean;
use body::{Body, Family};
pub(crate) use explain::{Asked, explain};

use crate::error::Code;

/// What an error status with this body means.
fn code(status: u16, headers: &HeaderMap, body: &Body) -> Code {
    match status {
        401 if says_scope(headers, body) => Code::MissingScope,
        // The grant no longer covers the site or the product (F6.5).
        403 if body.says("app is not installed on this instance") => Code::AppNotInstalled,
        403 => Code::PermissionDenied,
        410 => Code::EndpointRemoved,
        429 => Code::RateLimited,
        _ => Code::HttpError,
    }
}

/// Whether a 401 complains about a scope and not about the token (F6.2).
pub(crate) fn is_scope_failure(headers: &HeaderMap, body: &[u8]) -> bool {
    says_scope(headers, &Body::read(headers, body))
}

fn says_scope(headers: &HeaderMap, body: &Body) -> bool {
    let category =
        headers.get("x-failure-category").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Atlassian writes these categories with underscores or with spaces (F6.1).
    category.replace(' ', "_").eq_ignore_ascii_case("FAILURE_CLIENT_SCOPE_CHECK")
        || body.says("scope does not match")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn code(status: u16, headers: &HeaderMap, body: &[u8]) -> Code {
        super::code(status, headers, &Body::read(headers, body))
    }

    #[test]
    fn scope_failures_are_told_from_rejected_tokens() {
        let by_body = br#"{"code":401,"message":"Unauthorized; scope does not match"}"#;
        assert_eq!(code(401, &HeaderMap::new(), by_body), Code::MissingScope);
        assert_eq!(
            code(401, &HeaderMap::new(), br#"{"code":401,"message":"Unauthorized"}"#),
            Code::HttpError
        );
        for category in ["FAILURE_CLIENT_SCOPE_CHECK", "FAILURE CLIENT SCOPE CHECK"] {
            let headers = HeaderMap::from_iter([(
                "x-failure-category".parse().unwrap(),
                HeaderValue::from_static(category),
            )]);
            assert_eq!(code(401, &headers, b""), Code::MissingScope, "{category}");
        }
        let auth = HeaderMap::from_iter([(
            "x-failure-category".parse().unwrap(),
            HeaderValue::from_static("FAILURE_CLIENT_AUTH"),
        )]);
        assert_eq!(code(401, &auth, b""), Code::HttpError);
    }

    #[test]
    fn a_missing_app_is_told_from_missing_permission_in_either_body() {
        for body in [
            r#"{"code":403,"message":"The app is not installed on this instance"}"#,
            r#"{"errorMessages":["The app is not installed on this instance."]}"#,
        ] {
            assert_eq!(code(403, &HeaderMap::new(), body.as_bytes()), Code::AppNotInstalled);
        }
        let denied = br#"{"errorMessages":["You do not have permission"],"errors":{}}"#;
        assert_eq!(code(403, &HeaderMap::new(), denied), Code::PermissionDenied);
    }
}
