//! The two pages a person can meet: the consent, and the error that is not sent back to the app (F1.4).

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::authorize::{Asked, CARRIED};
use crate::reply::{Params, Reply};
use crate::state::State;
use crate::world::GrantMode;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;\
color:#172b4d;background:#fff}fieldset{border:1px solid #6b778c;border-radius:4px;margin:1rem 0}\
label{display:block;padding:.25rem 0}select,button{font:inherit;padding:.4rem 1rem;margin:.25rem .5rem .25rem 0}\
button[value=accept]{background:#0052cc;color:#fff;border:1px solid #0052cc;border-radius:4px}";

/// The consent page. It works without scripts and loads nothing.
#[must_use]
pub(crate) fn consent(state: &State, asked: &Asked, params: &Params) -> Reply {
    let mut body = String::new();
    let app = escape(&asked.app.client_id);
    let _ = write!(
        body,
        "<h1>{app} is asking for access</h1>\n<p>This is the sandbox, not Atlassian. The app will be able to:</p>\n<ul>\n"
    );
    for scope in &asked.scopes {
        let _ = writeln!(body, "<li><code>{}</code></li>", escape(scope));
    }
    body.push_str("</ul>\n<form method=\"post\" action=\"/authorize\">\n");
    for name in CARRIED {
        if let Some(value) = params.get(name) {
            let _ = writeln!(body, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
        }
    }
    body.push_str("<p><label for=\"account\">Account</label>\n<select id=\"account\" name=\"account\">\n");
    for account in &state.world.accounts {
        let (id, name, email) = (escape(&account.id), escape(&account.display_name), escape(&account.email));
        let _ = writeln!(body, "<option value=\"{id}\">{name} ({email})</option>");
    }
    body.push_str("</select></p>\n");
    if asked.needs_site() {
        sites(&mut body, state, asked);
    }
    body.push_str(
        "<p><button type=\"submit\" name=\"decision\" value=\"accept\">Accept</button>\n\
         <button type=\"submit\" name=\"decision\" value=\"decline\" formnovalidate>Cancel</button></p>\n</form>\n",
    );
    // Browsers apply form-action to the redirect that answers the form, too.
    let origin = asked.redirect_uri.origin();
    let target = if origin.is_tuple() {
        origin.ascii_serialization()
    } else {
        format!("{}:", asked.redirect_uri.scheme())
    };
    page(200, "Authorize", &body, &format!("'self' {target}"))
}

fn sites(body: &mut String, state: &State, asked: &Asked) {
    let kind = if asked.app.grant_mode == GrantMode::Account { "radio" } else { "checkbox" };
    // One radio button must be chosen; of several checkboxes HTML cannot demand "at least one", the server does.
    let required = if kind == "radio" { " required" } else { "" };
    body.push_str("<fieldset>\n<legend>Choose a site</legend>\n");
    for site in state.sites.iter().filter(|site| asked.fits(site)) {
        let (subdomain, name, url) =
            (escape(&site.config.subdomain), escape(&site.config.name), escape(&site.config.url));
        let _ = writeln!(
            body,
            "<label><input type=\"{kind}\" name=\"site\" value=\"{subdomain}\"{required}> {name} <small>{url}</small></label>"
        );
    }
    body.push_str("</fieldset>\n");
}

/// The page for a request that cannot be granted.
#[must_use]
pub(crate) fn refusal(why: &str) -> Reply {
    let body = format!("<h1>Something went wrong</h1>\n<p role=\"alert\">{}</p>\n", escape(why));
    page(400, "Something went wrong", &body, "'none'")
}

fn page(status: u16, title: &str, body: &str, form_action: &str) -> Reply {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} – sandbox</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    );
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action {form_action}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    Reply::html(status, html)
        .header("content-security-policy", &policy)
        .header("cache-control", "no-store")
        .header("referrer-policy", "no-referrer")
        .header("x-content-type-options", "nosniff")
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_sent_by_a_client_becomes_markup() {
        assert_eq!(escape(r#"<a href="x">'&"#), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
    }
}
