//! `threelo doctor`: everything that can be wrong, in the order in which it would be met. It looks and does not mend, makes
//! no file, and shows no secret.

mod connection;
mod machine;
mod network;

use serde::Serialize;
use threelo_core::store::Location;
use threelo_core::{Client, ClientOptions, Code, Error};

use crate::args::{App, Doctor};
use crate::output::{FAILED, Ink, Output};
use crate::settings::Settings;
use crate::{Failure, Outcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    /// Could not be looked at, which is told with the reason.
    Skipped,
    Warn,
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    next: Option<String>,
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, what: &'static str, found: impl Into<String>) {
        self.0.push(Finding { what, state: State::Good, found: found.into(), next: None });
    }

    fn skipped(&mut self, what: &'static str, found: impl Into<String>, next: Option<String>) {
        self.0.push(Finding { what, state: State::Skipped, found: found.into(), next });
    }

    fn warn(&mut self, what: &'static str, found: impl Into<String>, next: impl Into<String>) {
        self.0.push(Finding { what, state: State::Warn, found: found.into(), next: Some(next.into()) });
    }

    fn bad(&mut self, what: &'static str, error: &Error) {
        let found = format!("{}: {}", error.code(), error.message());
        self.0.push(Finding { what, state: State::Bad, found, next: Some(error.hint().to_owned()) });
    }
}

pub(super) async fn run(app: &App, asked: &Doctor, output: &Output) -> Outcome {
    let mut findings = Findings::default();
    let settings = Settings::read(app)?;
    let options = configuration(&settings, &mut findings).await;
    machine::callback(settings.text("redirect_uri"), &mut findings).await;
    network::look(&settings, &mut findings).await;
    if let Some(options) = options {
        let wanted = settings.scopes();
        store(options, asked.id.as_deref(), &wanted, &mut findings).await?;
    }
    tell(output, &findings.0)
}

fn tell(output: &Output, findings: &[Finding]) -> Outcome {
    output.data(&findings, || {
        let lines = findings.iter().map(|finding| {
            let (ink, mark) = match finding.state {
                State::Good => (Ink::Good, "ok  "),
                State::Skipped => (Ink::Faint, "skip"),
                State::Warn => (Ink::Warn, "look"),
                State::Bad => (Ink::Bad, "bad "),
            };
            let next = finding.next.as_ref().map(|next| format!("\n     next: {next}")).unwrap_or_default();
            format!("{} {}: {}{next}", output.ink(ink, mark), finding.what, finding.found)
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    let bad = findings.iter().any(|finding| finding.state == State::Bad);
    if bad { Err(Failure::Found(FAILED)) } else { Ok(()) }
}

/// The settings; the options that come of them where they are good.
async fn configuration(settings: &Settings, findings: &mut Findings) -> Option<ClientOptions> {
    let options = match settings.options() {
        Err(error) => {
            findings.bad("settings", &error);
            None
        }
        Ok(options) => match checked(options.clone()).await {
            Err(error) => {
                findings.bad("settings", &error);
                None
            }
            Ok(()) => {
                let sources = settings.sources.iter().map(|(name, place)| format!("{name} from {place}"));
                findings.good("settings", sources.collect::<Vec<_>>().join(", "));
                Some(options)
            }
        },
    };
    if settings.file.is_none() {
        findings.good("settings file", "none, which is fine where the environment has it all");
    }
    let scopes = settings.scopes();
    let identity = ["read:me", "read:jira-user"];
    if !scopes.is_empty() && !identity.iter().any(|scope| scopes.iter().any(|asked| asked == scope)) {
        findings.warn(
            "scopes",
            "neither read:me nor read:jira-user is asked for, so the account behind a consent may stay unknown",
            "Add one of them to the app and to the settings.",
        );
    }
    if scopes.len() >= 50 {
        let found = format!("{} scopes; Atlassian recommends fewer than 50", scopes.len());
        findings.warn("scopes", found, "Prefer classic scopes to granular ones.");
    }
    options
}

/// Has the core look at all options but the store's, for which it would make one.
async fn checked(mut options: ClientOptions) -> Result<(), Error> {
    Location::parse(&options.store)?;
    (options.store, options.encryption_key) = ("memory:".to_owned(), None);
    let client = Client::open(options).await?;
    client.close(threelo_core::CloseOptions { timeout: None }).await
}

/// The store, where there is one, and a connection in it.
async fn store(
    options: ClientOptions,
    id: Option<&str>,
    wanted: &[String],
    findings: &mut Findings,
) -> Outcome {
    let place = Location::parse(&options.store)?;
    if !machine::store_is_there(&place, findings) {
        if let Some(id) = id {
            let text = format!("there is no store yet, and no connection {id:?} in it");
            let error = Error::new(Code::ConnectionNotFound, text);
            findings.bad("connection", &error.hinting(format!("`threelo connect {id}` makes both.")));
        }
        return Ok(());
    }
    let key_given = options.encryption_key.is_some();
    let client = match Client::open(options).await {
        Err(error) => {
            findings.bad("store", &error);
            return Ok(());
        }
        Ok(client) => client,
    };
    findings.good("store", "opens, and its key fits");
    machine::permissions(&place, key_given, findings);
    let look = async {
        match id {
            Some(id) => connection::look(&client, id, wanted, findings).await,
            None => findings.skipped(
                "connection",
                "none was named: `threelo doctor ID` looks at one as well",
                None,
            ),
        }
        Ok(())
    };
    super::attended(&client, look).await
}
