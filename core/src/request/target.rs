//! From what the caller names to the URL that is asked: always the gateway, always the connection's own site (F5.1,
//! F5.3). The text is taken apart as it was written, so that no parser's idea of it can differ from what is checked.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};
use url::Url;

use super::Destination;
use crate::error::{Code, Error, Result};
use crate::origin::secure_or_loopback;
use crate::records::Product;

/// What a path keeps as it is: RFC 3986's `pchar` and `/`, and `%`, which is looked at by hand.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A query may hold `?` as well.
const QUERY: &AsciiSet = &PATH.remove(b'?').add(b'\'');

/// A checked destination.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The gateway's URL, without a query. Every parser reads it as it is written: what one could change was refused or
    /// encoded.
    pub(super) url: String,
    pub(super) product: Product,
    /// The path below the site, for messages.
    pub(super) path: String,
    /// The query that stood in the caller's path, encoded.
    pub(super) query: Option<String>,
}

/// Resolves `given` for `destination`.
pub(super) fn resolve(destination: &Destination, given: &str) -> Result<Target> {
    if given.chars().any(|c| c.is_control()) {
        return Err(refused("it holds control characters"));
    }
    if given.contains('#') {
        return Err(refused("it holds a fragment; a # that is meant is written %23"));
    }
    let (place, query) = match given.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (given, None),
    };
    if place.contains('\\') {
        return Err(refused("it holds a backslash"));
    }
    let (product, path) = if place.starts_with('/') { (None, place) } else { rooted(destination, place)? };
    check_segments(path)?;
    let product = family(product, path)?;
    let path = encode(path, PATH);
    Ok(Target {
        url: [destination.root(product).as_str(), &path].concat(),
        product,
        path,
        query: query.filter(|query| !query.is_empty()).map(|query| encode(query, QUERY)),
    })
}

fn refused(why: &str) -> Error {
    Error::new(Code::DestinationRefused, format!("the path is refused: {why}"))
}

/// The path below the site that an absolute URL means, and the product where the URL names it.
fn rooted<'a>(destination: &Destination, place: &'a str) -> Result<(Option<Product>, &'a str)> {
    let neither = || refused("it is neither a path that begins with / nor an https URL");
    let (scheme, rest) = place.split_once("://").ok_or_else(neither)?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or_else(neither)?;
    let url = Url::parse(place).map_err(|_| neither())?;
    if !scheme.eq_ignore_ascii_case(url.scheme()) {
        return Err(neither());
    }
    // Equal texts leave no room for user names, odd spellings of addresses, or spaces that a parser would drop.
    let host = url.host_str().unwrap_or_default();
    let plain = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let spelt_out = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
    if !authority.eq_ignore_ascii_case(&plain) && !authority.eq_ignore_ascii_case(&spelt_out) {
        return Err(refused("its host is not written plainly"));
    }
    if !secure_or_loopback(&url) {
        return Err(refused("it is not an https URL"));
    }
    for product in [Product::Jira, Product::Confluence] {
        let root = destination.root(product);
        if root.origin() == url.origin()
            && let Some(below) = path.strip_prefix(root.path()).filter(|below| below.starts_with('/'))
        {
            return Ok((Some(product), below));
        }
    }
    if destination.site.as_ref().is_some_and(|site| site.origin() == url.origin() && site.has_host()) {
        return Ok((None, path));
    }
    Err(refused("it is not a URL of the connection's own site"))
}

/// Whose path it is. Below the gateway's Confluence root Atlassian's own sample leaves out `/wiki` (F5.1).
fn family(product: Option<Product>, path: &str) -> Result<Product> {
    match product {
        None | Some(Product::Jira) if path.starts_with("/rest/") => Ok(Product::Jira),
        None if path.starts_with("/wiki/") => Ok(Product::Confluence),
        Some(Product::Confluence) if path.starts_with("/wiki/") || path.starts_with("/rest/") => {
            Ok(Product::Confluence)
        }
        _ => Err(refused("it begins with neither /rest/ (Jira) nor /wiki/ (Confluence)")),
    }
}

/// So many times may a code stand for the `%` of another code; nobody means more.
const MOST_LAYERS: usize = 5;

/// Refuses what a server or a proxy on the way could read as "the folder above", and control characters in disguise:
/// how many of them decode a path, and how often, is not known.
fn check_segments(path: &str) -> Result<()> {
    for segment in path.split('/') {
        let mut decoded = segment.as_bytes().to_vec();
        for layer in 0.. {
            let further: Vec<u8> = percent_decode(&decoded).collect();
            if further == decoded {
                break;
            }
            if layer == MOST_LAYERS {
                return Err(refused("it is encoded over and over"));
            }
            decoded = further;
            check_segment(&decoded)?;
        }
        check_segment(&decoded)?;
    }
    Ok(())
}

/// The same for one segment, as far as it is decoded.
fn check_segment(decoded: &[u8]) -> Result<()> {
    if decoded.iter().any(u8::is_ascii_control) {
        return Err(refused("it holds encoded control characters"));
    }
    // An encoded separator makes segments of its own for a server that decodes first; Tomcat ends a segment's name at a
    // semicolon.
    let hidden = decoded.split(|byte| matches!(byte, b'/' | b'\\'));
    let mut names = hidden.map(|part| part.split(|byte| *byte == b';').next().unwrap_or_default());
    if names.any(|name| name == b"." || name == b"..") {
        return Err(refused("it holds a . or .. segment"));
    }
    Ok(())
}

/// Whether a path leads upwards for somebody on the way, however often they decode it: the check once more, written
/// down another way, for tests.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn leads_up(path: &str) -> bool {
    let mut text = path.to_owned();
    for _ in 0..=path.len() {
        let names =
            text.split(['/', '\\']).map(|segment| segment.split_once(';').map_or(segment, |(name, _)| name));
        if names.into_iter().any(|name| name == "." || name == "..")
            || text.chars().any(|c| c.is_ascii_control())
        {
            return true;
        }
        let next = percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned();
        if next == text {
            return false;
        }
        text = next;
    }
    false
}

/// Encodes what may not stand in a URL. What is encoded already stays; a `%` that begins no code is a `%`.
fn encode(text: &str, set: &'static AsciiSet) -> String {
    let mut encoded = String::with_capacity(text.len());
    let mut parts = text.split('%');
    encoded.extend(utf8_percent_encode(parts.next().unwrap_or_default(), set));
    for part in parts {
        let mut digits = part.bytes();
        let code = [digits.next(), digits.next()].iter().all(|d| d.is_some_and(|d| d.is_ascii_hexdigit()));
        encoded.push_str(if code { "%" } else { "%25" });
        encoded.extend(utf8_percent_encode(part, set));
    }
    encoded
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const CLOUD: &str = "11111111-2222-3333-4444-555555555555";

    fn at(given: &str) -> Result<Target> {
        resolve(&Destination::at_acme(&BTreeMap::new(), CLOUD), given)
    }

    #[test]
    fn paths_go_to_the_gateway_of_their_product() {
        let jira = format!("https://api.atlassian.com/ex/jira/{CLOUD}");
        let wiki = format!("https://api.atlassian.com/ex/confluence/{CLOUD}");
        for (given, url, query) in [
            ("/rest/api/3/myself", format!("{jira}/rest/api/3/myself"), None),
            ("/rest/agile/1.0/board", format!("{jira}/rest/agile/1.0/board"), None),
            ("/wiki/api/v2/pages?limit=5", format!("{wiki}/wiki/api/v2/pages"), Some("limit=5")),
            ("https://acme.atlassian.net/rest/api/3/x?a=b", format!("{jira}/rest/api/3/x"), Some("a=b")),
            ("HTTPS://Acme.Atlassian.NET:443/rest/x", format!("{jira}/rest/x"), None),
            (
                "https://acme.atlassian.net/wiki/rest/api/content",
                format!("{wiki}/wiki/rest/api/content"),
                None,
            ),
            (&format!("{jira}/rest/api/3/x"), format!("{jira}/rest/api/3/x"), None),
            (&format!("{wiki}/wiki/api/v2/x"), format!("{wiki}/wiki/api/v2/x"), None),
            (&format!("{wiki}/rest/api/space"), format!("{wiki}/rest/api/space"), None),
            // Sent literally, encoded.
            ("/rest/{cloudId}/x y", format!("{jira}/rest/%7BcloudId%7D/x%20y"), None),
            (
                "/rest/${refresh_token}/x?t=${refresh_token}",
                format!("{jira}/rest/$%7Brefresh_token%7D/x"),
                Some("t=$%7Brefresh_token%7D"),
            ),
            ("/rest/Ünï/100%/%zz/%41", format!("{jira}/rest/%C3%9Cn%C3%AF/100%25/%25zz/%41"), None),
            ("/rest/100%2525/a%252Fb", format!("{jira}/rest/100%2525/a%252Fb"), None),
            ("/rest/a%2Fb/...", format!("{jira}/rest/a%2Fb/..."), None),
            ("/rest//evil.example/x", format!("{jira}/rest//evil.example/x"), None),
            ("/rest/x@evil.example:80/", format!("{jira}/rest/x@evil.example:80/"), None),
            ("/rest/x?", format!("{jira}/rest/x"), None),
            (
                "/rest/x?q=a b%20{c}\\../ü?'",
                format!("{jira}/rest/x"),
                Some("q=a%20b%20%7Bc%7D%5C../%C3%BC?%27"),
            ),
        ] {
            let target = at(given).unwrap_or_else(|error| panic!("{given}: {error}"));
            assert_eq!(target.url, url, "{given}");
            assert_eq!(target.query.as_deref(), query, "{given}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let foreign = CLOUD.replace('1', "9");
        let cases = [
            "",
            " ",
            "rest/api/3/myself",
            " /rest/x",
            "/",
            "/rest",
            "/REST/x",
            "/%72est/x",
            "/secure/attachment/1",
            "//evil.example/rest/x",
            "///rest/x",
            "/\\evil.example/rest/x",
            "\\\\evil.example\\rest",
            "/rest\\..\\x",
            "/rest/../wiki/x",
            "/rest/./x",
            "/rest/..",
            "/rest/%2e%2e/x",
            "/rest/.%2E/x",
            "/rest/%2e/x",
            "/rest/%252e%252e/x",
            "/rest/%25252e%25252e/x",
            "/rest/a%252F..%252Fb",
            "/rest/a%255c%252e%252e",
            "/rest/%2500x",
            "/rest/%252525252525252e",
            "/rest/..%2f..%2fx",
            "/rest/a%2F..%2Fb",
            "/rest/..%5cx",
            "/rest/..;/x",
            "/rest/%2e%2e;a=b/x",
            "/rest/x%3b/..;y",
            "/rest/x\r\nHost: evil.example",
            "/rest/x\n",
            "/rest/\0",
            "/rest/x\u{7f}",
            "/rest/\u{85}x",
            "/rest/%00x",
            "/rest/%0d%0a",
            "/rest/x#y",
            "/rest/x?q=\n",
            "http:/rest/x",
            "https:acme.atlassian.net/rest/x",
            "https:///rest/x",
            "http://acme.atlassian.net/rest/x",
            "ftp://acme.atlassian.net/rest/x",
            "file:///rest/x",
            "javascript://acme.atlassian.net/rest/x",
            "https://acme.atlassian.net",
            "https://acme.atlassian.net/browse/A-1",
            "https://acme.atlassian.net:8443/rest/x",
            "https://evil.example/rest/x",
            "https://acme.atlassian.net.evil.example/rest/x",
            "https://acme.atlassian.net@evil.example/rest/x",
            "https://user:pw@acme.atlassian.net/rest/x",
            "https://@acme.atlassian.net/rest/x",
            "https://evil.example\\@acme.atlassian.net/rest/x",
            "https://other.atlassian.net/rest/x",
            "https://acme。atlassian.net/rest/x",
            // A Cyrillic а, by itself and as it goes over the wire; wide letters; a hyphen that is none.
            "https://\u{430}cme.atlassian.net/rest/x",
            "https://xn--cme-8cd.atlassian.net/rest/x",
            "https://\u{ff41}cme.atlassian.net/rest/x",
            "https://ａｃｍｅ.ａｔｌａｓｓｉａｎ.ｎｅｔ/rest/x",
            "https://acme.atlassian.net\u{2024}evil.example/rest/x",
            "https://acme.atlassian.net\u{ad}/rest/x",
            "https://acme.atlassian.\u{200b}net/rest/x",
            " https://acme.atlassian.net/rest/x",
            "https:// acme.atlassian.net/rest/x",
            "https://acme.atlassian.net\t/rest/x",
            "https://api.atlassian.com/rest/x",
            "https://api.atlassian.com/ex/jira//rest/x",
            "https://api.atlassian.com/me",
            "https://api.media.atlassian.com/file/1/binary?token=x",
            &format!("https://api.atlassian.com/ex/jira/{foreign}/rest/x"),
            &format!("https://api.atlassian.com/ex/jira/{CLOUD}/../{foreign}/rest/x"),
            &format!("https://api.atlassian.com/ex/jira/{CLOUD}/%2e%2e/{foreign}/rest/x"),
            &format!("https://api.atlassian.com/ex/jira/{CLOUD}x/rest/x"),
            &format!("https://api.atlassian.com/ex/jira/{CLOUD}"),
            &format!("https://api.atlassian.com/ex/jira/{CLOUD}/wiki/x"),
            &format!("/ex/jira/{foreign}/rest/x"),
        ];
        for given in cases {
            let error = at(given).expect_err(given);
            assert_eq!(error.code(), Code::DestinationRefused, "{given}");
            assert!(!error.message().contains("token=x") && !error.message().contains("pw@"), "{error}");
        }
    }

    #[test]
    fn a_gateway_on_this_machine_keeps_its_port_and_base_path() {
        let endpoints = BTreeMap::from([("api".to_owned(), "http://127.0.0.1:8099/base/".to_owned())]);
        let destination = Destination::at_acme(&endpoints, CLOUD);
        let url = format!("http://127.0.0.1:8099/base/ex/jira/{CLOUD}/rest/x");
        for given in ["/rest/x", &url] {
            assert_eq!(resolve(&destination, given).unwrap().url, url);
        }
        assert!(resolve(&destination, "http://127.0.0.1:8098/rest/x").is_err());
    }

    proptest! {
        #[test]
        fn no_text_leads_anywhere_but_below_the_own_site(
            prefix in prop::sample::select(vec!["", "/", "/rest/", "/wiki/", "https://", "https://acme.atlassian.net/rest/",
                "https://api.atlassian.com/ex/jira/"]),
            tail in "([./\\\\;:@?#%&=a-z ]|%(25){0,3}2e|%2E|%(25)?2f|%(25)?5c|%(25)?00|%3b|\\.\\.|\\PC){0,24}",
        ) {
            if let Ok(target) = at(&format!("{prefix}{tail}")) {
                let url = Url::parse(&target.url).unwrap();
                prop_assert_eq!(url.as_str(), &target.url, "a parser changes it");
                prop_assert_eq!(url.host_str(), Some("api.atlassian.com"));
                prop_assert_eq!(url.port_or_known_default(), Some(443));
                let path = url.path();
                let jira = path.starts_with(&format!("/ex/jira/{CLOUD}/rest/"));
                let wiki = path.starts_with(&format!("/ex/confluence/{CLOUD}/wiki/"));
                prop_assert!(jira || wiki, "{}", path);
                prop_assert!(path.is_ascii() && !leads_up(path), "{}", path);
                let written: http::Uri = target.url.parse().unwrap();
                prop_assert_eq!(written.path(), path);
            }
        }
    }
}
