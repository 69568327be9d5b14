//! `threelo init`: the settings file of a registered app, and a place for its secret.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use threelo_core::store::Location;
use threelo_core::{Casing, Client, ClientOptions, CloseOptions, Error};
use url::Url;

use crate::args::{App, Init};
use crate::keyring::Keyring;
use crate::output::{Ink, Output};
use crate::settings::{FILE, Settings, named, variable};
use crate::typed::{by_a_person, read_line, read_secret};
use crate::{Failure, Outcome};

const STEPS: &str = "\
To let your users connect their Jira you register an app once, in Atlassian's developer console:
  1. https://developer.atlassian.com/console/myapps/ → Create → OAuth 2.0 integration
  2. Authorization → OAuth 2.0 (3LO) → the callback URL you give below, letter for letter
  3. Permissions → Jira API → the scopes you give below
  4. Settings → copy the client id and the secret
docs/jira-app.md tells each step, and what to do before other people can use it.";

struct Question {
    name: &'static str,
    text: &'static str,
    default: &'static str,
}

const QUESTIONS: [Question; 4] = [
    Question { name: "client_id", text: "Client id", default: "" },
    Question { name: "redirect_uri", text: "Callback URL", default: "http://localhost:3000/callback" },
    Question { name: "scopes", text: "Scopes", default: "read:jira-work read:jira-user" },
    Question { name: "store", text: "Where to keep connections", default: "threelo.db" },
];

const SECRET: &str = "client_secret";

/// What is written as well where it was given, and not asked for.
const TAKEN_ALONG: [&str; 5] = ["endpoints", "site_policy", "proxy", "ca_bundle", "max_body_bytes"];

pub(super) async fn run(app: &App, asked: &Init, output: &Output) -> Outcome {
    let path = named(app).unwrap_or_else(|| FILE.into());
    let shown = path.display().to_string();
    if path.exists() && !asked.force {
        return Err(Failure::Usage(format!("{shown} is there already; --force replaces it")));
    }
    if asked.keyring && !Keyring::here().is_there() {
        let text = "no keyring can be used here: its tool, secret-tool of libsecret or macOS's security, is not installed";
        return Err(Failure::Usage(text.to_owned()));
    }
    output.note(STEPS);
    let given = Settings::said(app)?;
    let mut settings = toml::Table::new();
    // Values with a password in them, which stay where they came from.
    let mut secret_ones = Vec::new();
    let mut kept = false;
    for question in &QUESTIONS {
        let answer = answer(&given, output, question).await?;
        if holds_password(&answer) {
            secret_ones.push(question.name);
        } else {
            settings.insert(question.name.to_owned(), written(question.name, &answer));
        }
        if question.name == "client_id" {
            kept = keep_secret(&given, asked, output, &answer).await?;
        }
    }
    for name in TAKEN_ALONG {
        let Some(value) = given.value(name) else { continue };
        check(name, value.clone()).await?;
        if value.as_str().is_some_and(holds_password) {
            secret_ones.push(name);
        } else if let Ok(value) = toml::Value::try_from(value) {
            settings.insert(name.to_owned(), value);
        }
    }
    let head = format!(
        "# Settings of the threelo command. Secrets stay in the environment, or the keyring: {}.\n",
        variable("client_secret")
    );
    std::fs::write(&path, format!("{head}{settings}"))
        .map_err(|error| Failure::Io(format!("writing {shown}"), error))?;
    if !kept {
        secret_ones.push(SECRET);
    }
    let left: Vec<_> = secret_ones.iter().map(|name| variable(name)).collect();
    let told = json!({ "written": shown, "keyring": kept, "left_to_the_environment": left });
    output.data(&told, || {
        let mut lines = vec![format!("{} {shown}. The secret is not in it.", output.ink(Ink::Good, "Wrote"))];
        let there = |name: &&&str| given.sources.get(**name).is_some_and(|place| place.starts_with('$'));
        let exports = secret_ones.iter().filter(|name| !there(name));
        lines.extend(exports.map(|name| format!("  export {}=…", variable(name))));
        lines.push("Then: threelo connect my-first-connection".to_owned());
        lines.join("\n")
    });
    Ok(())
}

/// What was given for a question, or else is answered to it: checked as it is given, and asked for again while it will not do.
async fn answer(given: &Settings, output: &Output, question: &Question) -> Outcome<String> {
    let known = match question.name {
        "scopes" => Some(given.scopes().join(" ")).filter(|scopes| !scopes.is_empty()),
        name => given.text(name).map(str::to_owned),
    };
    if let Some(known) = known {
        check(question.name, known.clone().into()).await?;
        return Ok(known);
    }
    let default =
        if question.default.is_empty() { String::new() } else { format!(" [{}]", question.default) };
    loop {
        output.prompt(&format!("{}{default}:", question.text));
        let typed = read_line().await?;
        let at_end = typed.is_none();
        let typed = typed.filter(|typed| !typed.is_empty()).unwrap_or_else(|| question.default.to_owned());
        match check(question.name, typed.clone().into()).await {
            Ok(()) => return Ok(typed),
            Err(error) if at_end => return Err(error.into()),
            Err(error) => output.prompt(&format!("{}\n  next: {}", error.message(), error.hint())),
        }
    }
}

/// Takes the secret, and puts it into the keyring where that is wanted; whether it is there.
async fn keep_secret(given: &Settings, asked: &Init, output: &Output, client_id: &str) -> Outcome<bool> {
    let keyring = Keyring::here();
    let secret = match given.text(SECRET) {
        Some(known) => Some(SecretString::from(known)),
        None => ask_secret(output).await?,
    };
    let Some(secret) = secret else {
        if asked.keyring {
            let text = format!("no secret was given for the keyring: type it, or set {}", variable(SECRET));
            return Err(Failure::Usage(text));
        }
        return Ok(false);
    };
    check(SECRET, secret.expose_secret().into()).await?;
    let offered = given.value(SECRET).is_none() && keyring.is_there();
    let wanted = asked.keyring || (offered && agreed(output).await?);
    if !wanted {
        return Ok(false);
    }
    let id = client_id.to_owned();
    let kept = tokio::task::spawn_blocking(move || keyring.keep(&id, &secret)).await;
    kept.map_err(|_| Failure::Interrupted)??;
    output.note("The secret is in the keyring.");
    Ok(true)
}

async fn ask_secret(output: &Output) -> Outcome<Option<SecretString>> {
    loop {
        let ask = || output.prompt("Client secret (not shown; empty to set it in the environment yourself):");
        let Some(secret) = read_secret(ask).await? else { return Ok(None) };
        match check(SECRET, secret.expose_secret().into()).await {
            Ok(()) => return Ok(Some(secret)),
            Err(error) => output.prompt(&format!("{}\n  next: {}", error.message(), error.hint())),
        }
    }
}

/// Whether the person wants the keyring; a program says so with a flag.
async fn agreed(output: &Output) -> Outcome<bool> {
    if !by_a_person() {
        return Ok(false);
    }
    output.prompt("Keep it in this system's keyring? [Y/n]");
    let typed = read_line().await?.unwrap_or_default();
    Ok(!typed.to_ascii_lowercase().starts_with('n'))
}

/// Has the core look at one value, beside placeholders that are good.
async fn check(name: &str, value: Value) -> Result<(), Error> {
    match (name, value.as_str()) {
        // Opening it would make it; that is for the first connect.
        ("store", Some(place)) => return look_at(place),
        (SECRET, Some(secret)) if secret.contains(char::is_whitespace) => {
            return Err(Error::config(name, "a text with spaces in it", "the app's client secret"));
        }
        _ => {}
    }
    let mut options: Map<String, Value> = Map::from_iter(
        [
            ("client_id", "placeholder".into()),
            ("client_secret", "placeholder".into()),
            ("redirect_uri", "http://localhost:3000/callback".into()),
            ("scopes", json!(["read:jira-work"])),
            ("store", "memory:".into()),
        ]
        .map(|(name, value): (&str, Value)| (name.to_owned(), value)),
    );
    let value = match (name, value.as_str()) {
        ("scopes", Some(text)) => words(text).collect(),
        _ => value,
    };
    options.insert(name.to_owned(), value);
    let options = ClientOptions::decode(&Value::Object(options).to_string(), Casing::Snake)?;
    let client = Client::open(options).await?;
    client.close(CloseOptions { timeout: None }).await
}

/// Whether a store can be at a place.
fn look_at(place: &str) -> Result<(), Error> {
    let Location::Sqlite(file) = Location::parse(place)? else { return Ok(()) };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        Some(folder) if !folder.is_dir() => {
            let given = format!("in {}, which is not a folder", folder.display());
            Err(Error::config("store", given, "a file in a folder that is there"))
        }
        _ => Ok(()),
    }
}

/// Whether a value is a URL with a password in it, which must not get into a file.
fn holds_password(value: &str) -> bool {
    Url::parse(value)
        .is_ok_and(|url| url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|word| !word.is_empty())
}

fn written(name: &str, answer: &str) -> toml::Value {
    match name {
        "scopes" => words(answer).collect::<Vec<_>>().into(),
        _ => answer.into(),
    }
}
