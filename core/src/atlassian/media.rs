//! Which answers lead to the media host.

use http::Method;

/// Whether a redirect of this operation leads to a file on another host, behind a signed address, and is followed
/// without the token (F5.7). Every other redirect is an answer: 303 is also how Jira says that a task has begun (F5.9).
pub(crate) fn is_file(method: &Method, path: &str) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return false;
    }
    let mut segments = path.strip_prefix("/rest/api/").unwrap_or_default().split('/');
    let names = [segments.next(), segments.next(), segments.next()];
    let id = segments.next().is_some_and(|id| !id.is_empty());
    let leads = matches!(names, [Some("2" | "3"), Some("attachment"), Some("content" | "thumbnail")]);
    leads && id && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_thumbnails_are_files_and_nothing_else_is() {
        for path in ["/rest/api/3/attachment/content/1", "/rest/api/2/attachment/thumbnail/x%2Fy"] {
            assert!(is_file(&Method::GET, path) && is_file(&Method::HEAD, path), "{path}");
            assert!(!is_file(&Method::POST, path) && !is_file(&Method::DELETE, path), "{path}");
        }
        for path in [
            "/rest/api/3/attachment/1",
            "/rest/api/3/attachment/content/",
            "/rest/api/3/attachment/content",
            "/rest/api/3/attachment/content/1/more",
            "/rest/api/4/attachment/content/1",
            "/rest/api/3/field/attachment/content/1",
            "/wiki/rest/api/3/attachment/content/1",
            "/rest/api/3/priority/1",
            "",
        ] {
            assert!(!is_file(&Method::GET, path), "{path}");
        }
    }
}
