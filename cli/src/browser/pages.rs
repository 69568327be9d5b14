//! The pages a person sees: plain, without scripts and without requests to anywhere, readable by keyboard and screen
//! reader, in light and dark.

use threelo_core::{Connection, Error, Site};

const STYLE: &str = include_str!("style.css");

/// Of `style.css`, for the Content-Security-Policy: nothing else may style these pages. A test holds it to the file.
pub(super) const STYLE_HASH: &str = "sha256-XrQ6XxS8adCmWDKv+4fLL1SDo4mTXGt1E2Yaohcu1H4=";

/// Which of several sites the connection is for.
pub(super) fn picker(id: &str, sites: &[Site], action: &str) -> String {
    let choices: String = sites
        .iter()
        .enumerate()
        .map(|(at, site)| {
            format!(
                r#"<label><input type="radio" name="site" value="{}" required{}><span><span>{}</span><span class="soft">{}</span></span></label>"#,
                escape(&site.cloud_id),
                if at == 0 { " autofocus" } else { "" },
                escape(&site.name),
                escape(site.url.trim_start_matches("https://")),
            )
        })
        .collect();
    let body = format!(
        r#"<h1>Choose a Jira site</h1>
<p>Your consent was received. This account reaches several sites; <code>{}</code> works with one of them.</p>
<form method="post" action="{action}"><fieldset><legend>Site</legend>{choices}</fieldset><button>Use this site</button></form>"#,
        escape(id),
    );
    page("Choose a Jira site", &body)
}

/// All is well.
pub(super) fn connected(connection: &Connection) -> String {
    let site = connection.site.as_ref().map_or_else(
        || "No Jira site is reachable with this consent yet; <code>threelo select-site</code> chooses one later.".to_owned(),
        |site| format!("It works with <strong>{}</strong> <span class=\"soft\">({})</span>.", escape(&site.name), escape(&site.url)),
    );
    let body = format!(
        "<h1>Connected</h1>\n<p><code>{}</code> is connected. {site}</p>\n<p class=\"soft\">You can close this page and go back to the terminal.</p>",
        escape(&connection.id)
    );
    page("Connected", &body)
}

/// What went wrong, and what to do next.
pub(super) fn failed(error: &Error) -> String {
    let body = format!(
        "<h1>Not connected</h1>\n<p role=\"alert\">{}</p>\n<p>{}</p>\n<p class=\"soft\"><code>{}</code></p>",
        escape(&sentence(error.message())),
        escape(error.hint()),
        error.code(),
    );
    page("Not connected", &body)
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · threelo</title>\n<style>{STYLE}</style></head>\n<body><main>\n{body}\n</main></body>\n</html>\n"
    )
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// Names come from outside and are only ever text.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::Digest as _;

    use super::*;

    #[test]
    fn the_policy_allows_exactly_this_style() {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(STYLE));
        assert_eq!(STYLE_HASH, format!("sha256-{hash}"));
    }

    #[test]
    fn names_from_outside_stay_text() {
        let site = Site {
            cloud_id: "\"><script>".to_owned(),
            url: "https://<b>.example".to_owned(),
            name: "<img src=x onerror='alert(1)'>&".to_owned(),
            scopes: Vec::new(),
            products: Vec::new(),
            avatar_url: None,
        };
        let html = picker("<i>", &[site], "/x");
        for forbidden in ["<script", "<img", "<b>", "<i>", "onerror='"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
}
