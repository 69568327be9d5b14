//! `/authorize`: what is checked before a person sees the consent page, and what their answer leads to.

use url::Url;

use crate::page;
use crate::reply::{Params, Reply, Request};
use crate::state::{Code, LiveSite, State};
use crate::world::{Account, App, GrantMode, Product};

/// The parameters that the page carries through its form.
pub(crate) const CARRIED: [&str; 9] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "audience",
    "prompt",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// A request to authorize that passed all checks.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The app.
    pub(crate) app: App,
    /// Where to send the person back.
    pub(crate) redirect_uri: Url,
    /// The same as it was sent: the exchange must repeat that spelling (F2.1).
    pub(crate) redirect_sent: String,
    /// Scopes.
    pub(crate) scopes: Vec<String>,
    /// State, to be sent back unchanged.
    pub(crate) state: String,
    /// PKCE challenge (F1.6).
    pub(crate) challenge: Option<String>,
}

/// What the person answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Name or id of the account; the first one when missing.
    pub(crate) account: Option<String>,
    /// Names of the sites chosen.
    pub(crate) sites: Vec<String>,
    /// `accept` or `decline`.
    pub(crate) decision: String,
}

impl Asked {
    /// Checks the parameters of F1.2. What is wrong is shown to the person, never sent to the redirect URI (F1.4).
    pub(crate) fn check(state: &State, params: &Params) -> Result<Self, String> {
        let given = |name: &str| params.get(name).ok_or_else(|| format!("{name} is missing"));
        let client_id = given("client_id")?;
        let app = state.app(client_id).ok_or("client_id is not known")?.clone();
        let redirect_sent = given("redirect_uri")?.to_owned();
        if !app.redirect_uris.contains(&redirect_sent) {
            return Err("redirect_uri is not registered for this app".into());
        }
        let redirect_uri = Url::parse(&redirect_sent).map_err(|_| "redirect_uri is not a URL")?;
        if given("response_type")? != "code" {
            return Err("response_type must be code".into());
        }
        // One field report has the page fail without it, one page of the documentation omits it: always send it.
        if given("audience")? != "api.atlassian.com" {
            return Err("audience must be api.atlassian.com".into());
        }
        if given("prompt")? != "consent" {
            return Err("prompt must be consent".into());
        }
        let mut scopes: Vec<String> = Vec::new();
        for scope in given("scope")?.split_whitespace() {
            // `openid`, `profile` and `email` fail here as well, for no app can have them (F1.3).
            let oidc = matches!(scope, "openid" | "profile" | "email");
            if oidc || (scope != "offline_access" && !app.scopes.iter().any(|one| one == scope)) {
                return Err(format!("scope {scope} is not enabled for this app"));
            }
            if !scopes.iter().any(|one| one == scope) {
                scopes.push(scope.to_owned());
            }
        }
        if scopes.is_empty() {
            return Err("scope is missing".into());
        }
        let state = given("state")?.to_owned();
        let challenge = params.get("code_challenge").map(str::to_owned);
        if challenge.is_some() && params.get("code_challenge_method") != Some("S256") {
            return Err("code_challenge_method must be S256".into());
        }
        Ok(Self { app, redirect_uri, redirect_sent, scopes, state, challenge })
    }

    /// Whether a site has a product that the scopes are about.
    #[must_use]
    pub(crate) fn fits(&self, site: &LiveSite) -> bool {
        let asked = |product: &Product| self.scopes.iter().any(|scope| belongs(scope, *product));
        !site.suspended && site.config.products.iter().any(asked)
    }

    /// Whether the scopes are about sites at all; `read:me` is not.
    #[must_use]
    pub(crate) fn needs_site(&self) -> bool {
        self.scopes.iter().any(|scope| belongs(scope, Product::Jira) || belongs(scope, Product::Confluence))
    }

    fn back(&self, pairs: &[(&str, &str)]) -> String {
        let mut url = self.redirect_uri.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        url.into()
    }
}

/// Whether a scope is about this product (F4.3, F10.1).
#[must_use]
pub(crate) fn belongs(scope: &str, product: Product) -> bool {
    let account = matches!(scope, "read:me" | "read:account" | "offline_access");
    let confluence = scope.contains("confluence");
    match product {
        Product::Confluence => confluence,
        Product::Jira => !account && !confluence,
    }
}

/// GET: the consent page.
#[must_use]
pub(crate) fn show(state: &State, request: &Request) -> Reply {
    let params = request.params();
    match Asked::check(state, &params) {
        Ok(asked) => page::consent(state, &asked, &params, None).outcome("consent_page"),
        Err(why) => page::refusal(&why).outcome("error_page").reason(why),
    }
}

/// POST: the person's answer.
#[must_use]
pub(crate) fn answer(state: &mut State, request: &Request) -> Reply {
    let form = Params::parse(&request.body);
    let answer = Answer {
        account: form.get("account").map(str::to_owned),
        sites: form.all("site").map(str::to_owned).collect(),
        decision: form.get("decision").unwrap_or("").to_owned(),
    };
    let asked = match Asked::check(state, &form) {
        Ok(asked) => asked,
        Err(why) => return page::refusal(&why).outcome("error_page").reason(why),
    };
    match decide(state, &asked, &answer) {
        Ok(to) => {
            let outcome = if answer.decision == "accept" { "accepted" } else { "declined" };
            let mut reply = Reply::empty(302).header("location", &to).outcome(outcome);
            let account = answer.account.as_deref().and_then(|named| state.account(named));
            reply.note.account = account.map(|account| account.name.clone());
            reply
        }
        // The request was good, so the person can answer again.
        Err(why) => page::consent(state, &asked, &form, Some(&why)).outcome("error_page").reason(why),
    }
}

/// Records the answer; the result is where the browser goes next.
pub(crate) fn decide(state: &mut State, asked: &Asked, answer: &Answer) -> Result<String, String> {
    match answer.decision.as_str() {
        "accept" => {}
        // F1.5: the word is `access_denied`; the description is only what one client tests for.
        "decline" => {
            return Ok(asked.back(&[
                ("error", "access_denied"),
                ("error_description", "User did not authorize the request"),
                ("state", &asked.state),
            ]));
        }
        other => return Err(format!("decision must be accept or decline, not {other:?}")),
    }
    let account = match &answer.account {
        Some(named) => state.account(named).ok_or_else(|| format!("there is no account {named:?}"))?,
        None => state.world.accounts.first().ok_or("there is no account")?,
    }
    .clone();
    let sites = chosen(state, asked, answer, &account)?;
    let now = state.clock.now();
    let grant = state.consent(&asked.app, &account, &sites, &asked.scopes);
    let code = state.mint.next("code");
    let kept = Code {
        client_id: asked.app.client_id.clone(),
        redirect_uri: asked.redirect_sent.clone(),
        challenge: asked.challenge.clone(),
        grant,
        scopes: asked.scopes.clone(),
        consented_at: now,
    };
    state.codes.insert(code.clone(), kept);
    Ok(asked.back(&[("code", &code), ("state", &asked.state)]))
}

/// The sites of this run. Account-level consent picks one per run as well (F1.8).
fn chosen(state: &State, asked: &Asked, answer: &Answer, account: &Account) -> Result<Vec<usize>, String> {
    if !asked.needs_site() {
        return Ok(Vec::new());
    }
    if answer.sites.is_empty() {
        return Err("choose a site".into());
    }
    if asked.app.grant_mode == GrantMode::Account && answer.sites.len() > 1 {
        return Err("choose one site; another run adds another site".into());
    }
    let mut sites = Vec::new();
    for named in &answer.sites {
        let at = state.site(named).ok_or_else(|| format!("there is no site {named:?}"))?;
        let site = state.sites.get(at).ok_or("there is no such site")?;
        if !asked.fits(site) {
            return Err(format!("site {named:?} has none of the products that the app asks for"));
        }
        if !site.allows(&account.id) {
            return Err(format!("{} may not use site {named:?}", account.name));
        }
        sites.push(at);
    }
    Ok(sites)
}
