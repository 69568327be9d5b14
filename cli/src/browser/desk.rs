//! Where one consent stands, whatever the browser asks again: reloading or going back repeats nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::SecretString;
use threelo_core::{Client, Code, CompleteOptions, Connection, Error, SelectSiteOptions, Site};
use tokio::sync::{Mutex, mpsc};
use url::Url;

/// What the pages of one consent share.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) id: String,
    /// Where Atlassian asks for the consent.
    pub(super) consent_url: String,
    /// What Atlassian sends back with the browser, so that callbacks of other consents are told from this one's.
    pub(super) state: String,
    pub(super) redirect_uri: Url,
    /// In the address of the first page, so that only who was given it can begin.
    pub(super) ticket: String,
    /// Whether a browser has been let in with it.
    pub(super) opened: AtomicBool,
    /// In the cookie: what ties the consent to one browser.
    pub(super) browser: String,
    pub(super) stage: Mutex<Stage>,
    /// Told once, as the consent is over.
    pub(super) ended: mpsc::Sender<Outcome>,
}

/// How a consent ended.
pub(super) type Outcome = Result<Connection, Error>;

/// How far the consent is.
#[derive(Clone, Debug, Default)]
pub(super) enum Stage {
    /// The browser is not back yet.
    #[default]
    Waiting,
    /// The code is exchanged and stored; the person chooses one of these sites.
    Choosing(Vec<Site>),
    /// Nothing changes any more.
    Over(Box<Outcome>),
}

impl Desk {
    /// Whether the ticket is used for the first time. Command lines can be read by others on the machine, and it stands in
    /// the browser's: whoever comes second with it gets nothing.
    pub(super) fn first_with_ticket(&self) -> bool {
        !self.opened.swap(true, Ordering::SeqCst)
    }

    /// What a person who takes long may have met; `None` while an answer is being worked on.
    pub(super) fn advice(&self) -> Option<String> {
        let stage = self.stage.try_lock().ok()?;
        match *stage {
            Stage::Waiting => Some(format!(
                "Still waiting for the consent. Where the browser shows an error of Atlassian's, it does not come back: \
                 look whether {} is the app's callback URL letter for letter, and whether the app has the scopes. \
                 Ctrl-C ends this.",
                self.redirect_uri
            )),
            Stage::Choosing(_) => {
                Some("The consent is received; the page in the browser asks which site it is for.".to_owned())
            }
            Stage::Over(_) => None,
        }
    }

    /// The time of the consent is over.
    pub(super) async fn expire(&self) {
        let mut stage = self.stage.lock().await;
        let error = match *stage {
            Stage::Waiting => Error::new(Code::StateInvalid, "nobody came back from the consent within its time")
                .hinting(
                    "Run it again. If Atlassian showed an error, compare the app's callback URL and scopes with the settings.",
                ),
            Stage::Choosing(_) => {
                let text = "the consent was received, and no site was chosen within its time";
                let id = &self.id;
                Error::new(Code::SiteRequired, text).hinting(format!(
                    "No new consent is needed: `threelo sites {id}` lists the sites, `threelo select-site {id} SITE` takes one."
                ))
            }
            Stage::Over(_) => return,
        };
        *stage = over(Err(error));
        self.tell(&stage);
    }

    /// The browser is back: exchanges the code, the first time.
    pub(super) async fn arrived(&self, query: Option<&str>) {
        let mut stage = self.stage.lock().await;
        if matches!(*stage, Stage::Waiting) {
            *stage = self.complete(query).await.unwrap_or_else(|error| over(Err(error)));
            self.tell(&stage);
        }
    }

    async fn complete(&self, query: Option<&str>) -> Result<Stage, Error> {
        let mut url = self.redirect_uri.clone();
        url.set_query(query);
        let options = CompleteOptions {
            callback_url: SecretString::from(String::from(url)),
            binding: Some(SecretString::from(self.browser.clone())),
            timeout: None,
        };
        let connection = self.client.complete(options).await?;
        if connection.site.is_some() {
            return Ok(over(Ok(connection)));
        }
        let sites = self.client.sites(self.id.as_str()).await?;
        Ok(match sites.as_slice() {
            // No site at all is told as it is, one is taken, of several the person picks.
            [] => over(Ok(connection)),
            [only] => over(Ok(self.take(&only.cloud_id).await?)),
            _ => Stage::Choosing(sites),
        })
    }

    /// The person has chosen; a choice sent twice is made once.
    pub(super) async fn chosen(&self, site: &str) {
        let mut stage = self.stage.lock().await;
        if matches!(*stage, Stage::Choosing(_)) {
            *stage = over(self.take(site).await);
            self.tell(&stage);
        }
    }

    async fn take(&self, site: &str) -> Result<Connection, Error> {
        let options = SelectSiteOptions { id: self.id.clone(), site: site.to_owned(), timeout: None };
        self.client.select_site(options).await
    }

    fn tell(&self, stage: &Stage) {
        if let Stage::Over(outcome) = stage {
            // There is room for the one outcome, and nobody to tell once the command is interrupted.
            let _ = self.ended.try_send(Outcome::clone(outcome));
        }
    }
}

fn over(outcome: Outcome) -> Stage {
    Stage::Over(Box::new(outcome))
}
