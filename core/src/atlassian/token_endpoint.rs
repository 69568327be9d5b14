//! What is sent to the token endpoint, and what its answers mean (F2, F3). Atlassian wants JSON, answers 403 where
//! RFC 6749 says 400, and uses one word for two faults; telling these apart is what keeps connections alive.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// What is exchanged for tokens.
#[derive(Clone, Copy, Debug)]
pub enum Exchange<'a> {
    /// An authorization code (F2.1), with the PKCE verifier as defence in depth (F1.6).
    Code {
        /// The code.
        code: &'a SecretString,
        /// Identical to the one of the authorization request.
        redirect_uri: &'a str,
        /// PKCE.
        verifier: &'a SecretString,
    },
    /// A refresh token (F3.1).
    Refresh(&'a SecretString),
}

/// The JSON body of an exchange: the one form the documentation shows (F2.1, F2.2).
#[must_use]
pub fn body(client_id: &str, client_secret: &SecretString, exchange: Exchange<'_>) -> Zeroizing<Vec<u8>> {
    let secret = client_secret.expose_secret();
    let value = match exchange {
        Exchange::Code { code, redirect_uri, verifier } => json!({
            "grant_type": "authorization_code", "client_id": client_id, "client_secret": secret,
            "code": code.expose_secret(), "redirect_uri": redirect_uri, "code_verifier": verifier.expose_secret(),
        }),
        Exchange::Refresh(token) => json!({
            "grant_type": "refresh_token", "client_id": client_id, "client_secret": secret,
            "refresh_token": token.expose_secret(),
        }),
    };
    Zeroizing::new(value.to_string().into_bytes())
}

/// A well-formed success.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The access token.
    pub access: SecretString,
    /// The next refresh token; absent without `offline_access`, and now and then for no reason (F3.2).
    pub refresh: Option<SecretString>,
    /// Life of the access token from the start of the request: data, not a constant (F2.4).
    pub expires_in: Duration,
    /// What was granted, when told.
    pub scopes: Option<Vec<String>>,
}

/// What an answer of the token endpoint means.
#[derive(Clone, Debug)]
pub enum Reply {
    /// New tokens.
    Issued(Issued),
    /// The code or refresh token is refused for good: `invalid_grant` or `unauthorized_client` (F2.8, F3.8).
    Refused {
        /// The error word.
        error: String,
    },
    /// The app's credentials are refused: a fault of the deployment, never of a grant (F2.7).
    Credentials,
    /// A clear answer that nothing was done now: 429, or an error word nobody knows.
    NotNow {
        /// What was said, in words.
        why: String,
        /// The wait that was asked for.
        retry_after: Option<Duration>,
    },
    /// Anything else: it may or may not have acted.
    Unclear {
        /// What came back, in words.
        why: String,
    },
}

#[derive(Deserialize)]
struct Success {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    expires_in: f64,
    scope: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// A refresh token dies when it is not used for 90 days (F3.3).
pub const INACTIVE_MS: u64 = 90 * 24 * 3600 * 1000;

/// Staff spoke of an absolute limit of 365 days from the first consent, which the documentation no longer names: a
/// reason to warn, never to give a grant up (F3.3).
pub const ABSOLUTE_MS: u64 = 365 * 24 * 3600 * 1000;

/// Longest life believed; more is a mistake of the other side and would keep a dead token in use.
const LONGEST_LIFE: f64 = 30.0 * 24.0 * 3600.0;

/// Reads an answer. The error word decides, not the status alone (F3.8).
#[must_use]
pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Reply {
    if status.is_success() {
        return match serde_json::from_slice::<Success>(body) {
            Ok(success) if usable(&success) => Reply::Issued(issued(success)),
            _ => Reply::Unclear { why: format!("a {} that is no token response", status.as_u16()) },
        };
    }
    let why = || format!("status {}", status.as_u16());
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Reply::NotNow { why: why(), retry_after: retry_after(headers) };
    }
    if !status.is_client_error() {
        return Reply::Unclear { why: why() };
    }
    match serde_json::from_slice::<Failure>(body) {
        Ok(failure) => match failure.error.as_str() {
            "invalid_grant" | "unauthorized_client" => Reply::Refused { error: failure.error },
            "access_denied" | "invalid_client" => Reply::Credentials,
            _ => Reply::NotNow { why: format!("{} with an unknown error word", why()), retry_after: None },
        },
        Err(_) => Reply::Unclear { why: format!("{} that is no OAuth error", why()) },
    }
}

fn usable(success: &Success) -> bool {
    !success.access_token.expose_secret().is_empty()
        && success.expires_in.is_finite()
        && success.expires_in >= 0.0
}

fn issued(success: Success) -> Issued {
    Issued {
        access: success.access_token,
        refresh: success.refresh_token.filter(|token| !token.expose_secret().is_empty()),
        expires_in: Duration::from_secs_f64(success.expires_in.clamp(0.0, LONGEST_LIFE)),
        scopes: success.scope.map(|scope| scope.split_whitespace().map(str::to_owned).collect()),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The account id in an access token's `sub`, if the token is a JWT (F2.5). Not a documented contract, and not
/// verified: it comes straight from the token endpoint.
#[must_use]
pub fn subject(token: &SecretString) -> Option<String> {
    use base64::Engine as _;
    let claims = token.expose_secret().split('.').nth(1)?;
    let claims =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get("sub")?.as_str().filter(|sub| !sub.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn a_dead_token_is_told_by_its_word_whatever_the_status() {
        for (status, word) in [(403, "invalid_grant"), (400, "invalid_grant"), (403, "unauthorized_client")] {
            let body = format!(r#"{{"error":"{word}","error_description":"x"}}"#);
            assert!(matches!(reply(status, &body), Reply::Refused { .. }), "{status} {word}");
        }
    }

    #[test]
    fn wrong_credentials_are_no_dead_grant() {
        assert!(matches!(
            reply(401, r#"{"error":"access_denied","error_description":"Unauthorized"}"#),
            Reply::Credentials
        ));
    }

    #[test]
    fn weather_is_never_a_refusal() {
        for (status, body) in [
            (500, r#"{"error":"invalid_grant"}"#),
            (503, "<html>down</html>"),
            (403, "<html>blocked</html>"),
            (200, "<html>hello</html>"),
            (200, r#"{"access_token":"","expires_in":3600}"#),
            (200, r#"{"access_token":"a"}"#),
            (302, ""),
        ] {
            assert!(matches!(reply(status, body), Reply::Unclear { .. }), "{status} {body}");
        }
        assert!(matches!(reply(429, "slow down"), Reply::NotNow { .. }));
        assert!(matches!(reply(400, r#"{"error":"temporarily_unavailable"}"#), Reply::NotNow { .. }));
    }

    #[test]
    fn a_success_may_lack_the_refresh_token_and_the_scope() {
        let Reply::Issued(issued) = reply(200, r#"{"access_token":"a","expires_in":3600,"more":1}"#) else {
            panic!("not issued");
        };
        assert!(issued.refresh.is_none() && issued.scopes.is_none());
        assert_eq!(issued.expires_in, Duration::from_secs(3600));
    }

    #[test]
    fn the_subject_of_a_jwt_is_read_and_an_opaque_token_has_none() {
        use base64::Engine as _;
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"sub":"712020:ada"}"#);
        assert_eq!(subject(&format!("h.{claims}.s").into()).as_deref(), Some("712020:ada"));
        assert_eq!(subject(&"opaque".into()), None);
    }
}
