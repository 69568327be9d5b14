//! The two pages a person can meet: the consent, and the error that is not sent back to the app (F1.4).

use maud::{Markup, html};
use threelo_pages::{Page, Sent, Tone, Voice};

use crate::authorize::{Asked, CARRIED};
use crate::reply::{Params, Reply};
use crate::state::{LiveSite, State};
use crate::world::GrantMode;

/// The consent page; `wrong` is what the answer before lacked.
#[must_use]
pub(crate) fn consent(state: &State, asked: &Asked, params: &Params, wrong: Option<&str>) -> Reply {
    let body = html! {
        p { "The app " code { (asked.app.client_id) } " asks for access to a site of yours, with these scopes:" }
        ul .scopes { @for scope in &asked.scopes { li { code { (scope) } } } }
        @if let Some(wrong) = wrong { p .alert role="alert" { (wrong) } }
        form method="post" action="/authorize" {
            @for name in CARRIED {
                @if let Some(value) = params.get(name) { input type="hidden" name=(name) value=(value); }
            }
            p {
                label for="account" { "Account" }
                select id="account" name="account" {
                    @for account in &state.world.accounts {
                        option value=(account.id) selected[params.get("account") == Some(&*account.id)] {
                            (account.display_name) " (" (account.email) ")"
                        }
                    }
                }
            }
            @if asked.needs_site() { (sites(state, asked, params)) }
            div .actions {
                button type="submit" name="decision" value="accept" { "Accept" }
                button .second type="submit" name="decision" value="decline" formnovalidate { "Cancel" }
            }
        }
    };
    // Browsers apply form-action to the redirect that answers the form, too.
    let origin = asked.redirect_uri.origin();
    let target = if origin.is_tuple() {
        origin.ascii_serialization()
    } else {
        format!("{}:", asked.redirect_uri.scheme())
    };
    let page = Page::new(Voice::Sandbox, "Allow access?", body).forms_to(format!("'self' {target}"));
    reply(if wrong.is_none() { 200 } else { 400 }, page.send())
}

fn sites(state: &State, asked: &Asked, params: &Params) -> Markup {
    // One radio button must be chosen; of several checkboxes HTML cannot demand "at least one", the server does.
    let one = asked.app.grant_mode == GrantMode::Account;
    html! {
        fieldset {
            legend { (if one { "Choose a site" } else { "Choose the sites" }) }
            @for site in state.sites.iter().filter(|site| asked.fits(site)) {
                label .choice {
                    input type=(if one { "radio" } else { "checkbox" }) name="site" value=(site.config.subdomain)
                        required[one] checked[params.all("site").any(|chosen| chosen == site.config.subdomain)];
                    span { span .name { (site.config.name) } span .soft { (site.config.url) (shut_out(state, site)) } }
                }
            }
        }
    }
}

/// Who cannot choose this site: the page knows no account until it is sent.
fn shut_out(state: &State, site: &LiveSite) -> String {
    let out = state.world.accounts.iter().filter(|account| !site.allows(&account.id));
    let names: Vec<&str> = out.map(|account| account.display_name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(", not for {}", names.join(", ")) }
}

/// The page for a request that cannot be granted.
#[must_use]
pub(crate) fn refusal(why: &str) -> Reply {
    let body = html! {
        p .alert role="alert" { (why) }
        p .soft { "The app's request cannot be granted as it is, and Atlassian, too, does not send the person back with it." }
    };
    reply(400, Page::new(Voice::Sandbox, "Something went wrong", body).tone(Tone::Bad).send())
}

/// A page as a reply.
pub(crate) fn reply(status: u16, sent: Sent) -> Reply {
    let mut reply = Reply::html(status, sent.html);
    for (name, value) in &sent.headers {
        reply = reply.header(name, value);
    }
    reply
}
