//! Which endpoint a path belongs to, and which issue: what Atlassian counts bursts and writes by (F7.1).

use super::catalogue;

/// A path with what differs from call to call left out: `/rest/api/3/issue/{issueIdOrKey}`, as the catalogue has it, or
/// with `{}` for what looks like an id. Names that look like none stay, which makes an endpoint that is not in the
/// catalogue smaller than it is, never larger.
pub(crate) fn template(method: &str, path: &str) -> String {
    match catalogue::find(method, path) {
        Some(operation) => operation.path.to_owned(),
        None => guess(path),
    }
}

fn guess(path: &str) -> String {
    let mut template = String::with_capacity(path.len());
    for (place, segment) in path.split('/').filter(|segment| !segment.is_empty()).enumerate() {
        // `/rest/api/3`, `/rest/agile/1.0`, `/wiki/api/v2`: product, family and version stand at the front.
        let keep = place < 3 && segment.len() < 16 || !is_id(segment);
        template.push('/');
        template.push_str(if keep { segment } else { "{}" });
    }
    template
}

/// The issue a path is about, by id or key.
pub(crate) fn issue(path: &str) -> Option<&str> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.find(|segment| matches!(*segment, "issue" | "request"))?;
    segments.next().filter(|segment| is_id(segment))
}

/// Whether a segment looks like an id or a key: a number, `ACME-1`, a UUID, an account id, or something encoded.
fn is_id(segment: &str) -> bool {
    let has_digit = segment.bytes().any(|byte| byte.is_ascii_digit());
    has_digit || segment.len() > 40 || segment.contains(['%', ':', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_endpoint_share_a_template() {
        for (path, expected) in [
            ("/rest/api/3/myself", "/rest/api/3/myself"),
            ("/rest/api/3/issue/ACME-1", "/rest/api/3/issue/{}"),
            ("/rest/api/2/issue/10001/comment/7", "/rest/api/2/issue/{}/comment/{}"),
            ("/rest/api/3/user/5b10a2844c20165700ede21g", "/rest/api/3/user/{}"),
            ("/rest/api/3/search/jql", "/rest/api/3/search/jql"),
            ("/rest/agile/1.0/board/12/sprint", "/rest/agile/1.0/board/{}/sprint"),
            ("/rest/servicedeskapi/request/ACME-7/comment", "/rest/servicedeskapi/request/{}/comment"),
            ("/wiki/api/v2/pages/123", "/wiki/api/v2/pages/{}"),
            ("/wiki/rest/api/content/123/child", "/wiki/rest/api/content/{}/child"),
            ("/rest//x", "/rest/x"),
            ("", ""),
        ] {
            assert_eq!(guess(path), expected);
        }
    }

    #[test]
    fn what_the_catalogue_knows_is_told_by_it() {
        // A project's key looks like any other name.
        for path in ["/rest/api/3/project/ACME", "/rest/api/2/project/10001"] {
            assert!(template("GET", path).starts_with("/rest/api/3/project/{"), "{}", template("GET", path));
        }
        assert_eq!(template("GET", "/wiki/api/v2/unheard-of/1"), "/wiki/api/v2/unheard-of/{}");
    }

    #[test]
    fn issues_are_told_from_what_else_stands_there() {
        for (path, expected) in [
            ("/rest/api/3/issue/ACME-1", Some("ACME-1")),
            ("/rest/api/3/issue/10001/transitions", Some("10001")),
            ("/rest/agile/1.0/issue/ACME-1/estimation", Some("ACME-1")),
            ("/rest/servicedeskapi/request/ACME-7/comment", Some("ACME-7")),
            ("/rest/api/3/issue", None),
            ("/rest/api/3/issue/bulk", None),
            ("/rest/api/3/issue/createmeta/ACME/issuetypes", None),
            ("/rest/api/3/search/jql", None),
        ] {
            assert_eq!(issue(path), expected, "{path}");
        }
    }
}
