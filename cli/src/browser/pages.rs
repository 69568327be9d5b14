//! The pages a person sees in the course of a consent.

use maud::html;
use threelo_core::{Code, Connection, Error, Site};
use threelo_pages::{Page, Sent, Tone, Voice};

/// Which of several sites the connection is for.
pub(super) fn picker(id: &str, sites: &[Site], action: &str) -> Sent {
    let body = html! {
        p { "Your consent was received. This account reaches several sites; " code { (id) } " works with one of them." }
        form method="post" action=(action) {
            fieldset {
                legend { "Site" }
                @for site in sites {
                    label .choice {
                        input type="radio" name="site" value=(site.cloud_id) required;
                        span { span .name { (site.name) } span .soft { (bare(&site.url)) } }
                    }
                }
            }
            div .actions { button type="submit" { "Use this site" } }
        }
    };
    Page::new(Voice::Command, "Choose a Jira site", body).forms_to("'self'").send()
}

/// All is well.
pub(super) fn connected(connection: &Connection) -> Sent {
    let body = html! {
        dl {
            dt { "Connection" } dd { code { (connection.id) } }
            dt { "Jira site" }
            dd {
                @match &connection.site {
                    Some(site) => { (site.name) " " span .soft { (bare(&site.url)) } }
                    None => { "none is reachable with this consent yet; " code { "threelo select-site" } " chooses one later" }
                }
            }
        }
        p .soft { "You can close this page and go back to the terminal." }
    };
    Page::new(Voice::Command, "Connected", body).tone(Tone::Good).send()
}

/// What went wrong, and what to do next.
pub(super) fn failed(id: &str, error: &Error) -> Sent {
    let body = html! {
        p .alert role="alert" { (sentence(error.message())) }
        h2 { "What to do next" }
        p { (error.hint()) }
        p { "The terminal says the same. There, this tries again:" }
        p { code .command { "threelo connect " (id) } }
        p .soft { "Error code: " code { (error.code()) } }
    };
    Page::new(Voice::Command, "Not connected", body).tone(Tone::Bad).send()
}

/// A browser, or a callback, that is not the one waited for. It learns nothing of the consent there is.
pub(super) fn stray() -> Sent {
    let body = html! {
        p .alert role="alert" { "This consent was started in another browser, or is over." }
        h2 { "What to do next" }
        p { "Go on in the browser that " code { "threelo connect" } " opened, or run it again and stay in the browser it opens." }
        p .soft { "Error code: " code { (Code::StateInvalid) } }
    };
    Page::new(Voice::Command, "Not connected", body).tone(Tone::Bad).send()
}

fn bare(url: &str) -> &str {
    url.trim_start_matches("https://")
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let html = picker("<i>", &[site], "/x").html;
        for forbidden in ["<script", "<img", "<b>", "<i>"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
}
