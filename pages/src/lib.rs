//! The layout of the pages a person sees, for the command and for the sandbox: one document, one style sheet and one
//! Content-Security-Policy. It stands below both, because the sandbox must not know the core and the core shows nothing.
//!
//! The pages are plain HTML that works without scripts, asks nobody for anything, follows the reader's light or dark
//! setting, and can be used with the keyboard and read by a screen reader. Bodies are written with [`maud::html!`], which
//! escapes whatever is put into them: names from outside can only ever be text.

mod layout;
mod policy;

use maud::Markup;

/// What a page says of how things went, in a word that is also seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Something is asked or shown.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Something went wrong.
    Bad,
}

/// Who a page is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// The `threelo` command.
    Command,
    /// The sandbox, which must not be taken for Atlassian.
    Sandbox,
}

/// A page to be sent.
#[derive(Clone, Debug)]
pub struct Page {
    pub(crate) voice: Voice,
    pub(crate) title: String,
    pub(crate) body: Markup,
    pub(crate) tone: Tone,
    pub(crate) wide: bool,
    /// Where its forms may lead, redirects that answer them included.
    pub(crate) forms: Option<String>,
    pub(crate) script: Option<&'static str>,
}

/// A page as it is sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The document.
    pub html: String,
    /// Names and values of all headers it needs.
    pub headers: [(&'static str, String); 5],
}

impl Page {
    /// A page with this heading, which is its title as well.
    #[must_use]
    pub fn new(voice: Voice, title: impl Into<String>, body: Markup) -> Self {
        let (tone, forms, script) = (Tone::Plain, None, None);
        Self { voice, title: title.into(), body, tone, wide: false, forms, script }
    }

    /// How things went.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Its forms may lead to these sources of a Content-Security-Policy, such as `'self'`. Browsers apply this to the
    /// redirect that answers a form, too. Without it the page can have no form.
    #[must_use]
    pub fn forms_to(mut self, sources: impl Into<String>) -> Self {
        self.forms = Some(sources.into());
        self
    }

    /// For tables: as wide as the window.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Exactly this script may run, and ask its own server. The page must be of use without it.
    #[must_use]
    pub fn helped_by(mut self, script: &'static str) -> Self {
        self.script = Some(script);
        self
    }

    /// Writes it, with its headers.
    #[must_use]
    pub fn send(self) -> Sent {
        let headers = [
            ("content-type", "text/html; charset=utf-8".to_owned()),
            ("content-security-policy", policy::of(&self)),
            // Addresses and contents are about one consent of one person: nothing keeps them or passes them on.
            ("cache-control", "no-store".to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Sent { html: layout::document(&self).into_string(), headers }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use base64::Engine as _;
    use maud::html;
    use sha2::Digest as _;

    use super::*;

    fn page(body: Markup) -> Page {
        Page::new(Voice::Sandbox, "A <title>", body)
    }

    fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
        text.split_once(open).unwrap().1.split_once(close).unwrap().0
    }

    #[test]
    fn the_policy_allows_exactly_the_style_and_the_script_that_are_in_the_page() {
        let sent = page(html! { p { "hello" } }).helped_by("let a = '<' + \"&\";").send();
        let policy = &sent.headers[1].1;
        for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let digest = sha2::Sha256::digest(between(&sent.html, open, close));
            let source = format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest));
            assert!(policy.contains(&source), "{policy} without {source}");
        }
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
    }

    #[test]
    fn a_page_may_have_no_script_and_no_form_unless_it_says_so() {
        let policy = &page(html! {}).send().headers[1].1;
        assert!(!policy.contains("script-src") && !policy.contains("connect-src"), "{policy}");
        assert!(policy.contains("form-action 'none'"), "{policy}");
        let policy = &page(html! {}).forms_to("'self' http://localhost:1").send().headers[1].1;
        assert!(policy.contains("form-action 'self' http://localhost:1;"), "{policy}");
    }

    #[test]
    fn what_comes_from_outside_stays_text() {
        let name = "\"><script>alert('1')</script>&";
        let html = page(html! { p title=(name) { (name) } }).send().html;
        assert_eq!(html.matches("<script").count(), 0, "{html}");
        assert!(html.contains("<h1>A &lt;title&gt;</h1>"), "{html}");
    }

    #[test]
    fn the_style_asks_nobody_for_anything() {
        for outside in ["url(", "@import", "http:", "https:", "</"] {
            assert!(!layout::STYLE.contains(outside), "{outside}");
        }
    }
}
