//! `threelo init`: the settings file of a registered app.

use serde_json::{Map, Value};
use threelo_core::{Casing, Client, ClientOptions, CloseOptions};

use crate::args::{App, Init};
use crate::output::{Ink, Output};
use crate::settings::{FILE, Settings, variable};
use crate::typed::read_line;
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

pub(super) async fn run(app: &App, asked: &Init, output: &Output) -> Outcome {
    let path = app.config.clone().unwrap_or_else(|| FILE.into());
    if path.exists() && !asked.force {
        let text = format!("{} is there already; --force replaces it", path.display());
        return Err(Failure::Usage(text));
    }
    output.note(STEPS);
    // A file that is being replaced does not count.
    let given = Settings::without_file(app)?;
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let known = match question.name {
            "scopes" => Some(given.scopes().join(" ")).filter(|scopes| !scopes.is_empty()),
            name => given.text(name).map(str::to_owned),
        };
        let answer = match known {
            Some(known) => known,
            None => ask(output, &question).await?,
        };
        // Each value is checked as it is given, by the core, beside placeholders that are good.
        check(question.name, &answer).await?;
        answers.push((question.name, answer));
    }
    let endpoints =
        ["auth", "api", "resources"].map(|name| given.endpoint(name).map(|url| (name, url.to_owned())));
    std::fs::write(&path, written(&answers, &endpoints.into_iter().flatten().collect::<Vec<_>>()))
        .map_err(|error| Failure::Io(format!("writing {}", path.display()), error))?;
    let shown = path.display().to_string();
    output.data(&serde_json::json!({ "written": shown }), || {
        let secret = variable("client_secret");
        format!(
            "{} {shown}. The secret is not in it:\n  export {secret}=…\nThen: threelo connect my-first-connection",
            output.ink(Ink::Good, "Wrote")
        )
    });
    Ok(())
}

async fn ask(output: &Output, question: &Question) -> Outcome<String> {
    let default =
        if question.default.is_empty() { String::new() } else { format!(" [{}]", question.default) };
    output.note(format!("{}{default}:", question.text));
    let typed = read_line().await?.unwrap_or_default();
    Ok(if typed.is_empty() { question.default.to_owned() } else { typed })
}

async fn check(name: &str, value: &str) -> Outcome {
    let scopes = |text: &str| text.split([' ', ',']).filter(|scope| !scope.is_empty()).collect::<Value>();
    let mut options: Map<String, Value> = Map::from_iter(
        [
            ("client_id", "placeholder".into()),
            ("client_secret", "placeholder".into()),
            ("redirect_uri", "http://localhost:3000/callback".into()),
            ("scopes", scopes("read:jira-work")),
            ("store", "memory:".into()),
        ]
        .map(|(name, value): (&str, Value)| (name.to_owned(), value)),
    );
    match name {
        // Opening it would make it; that is for the first connect.
        "store" => return Ok(()),
        "scopes" => options.insert(name.to_owned(), scopes(value)),
        _ => options.insert(name.to_owned(), value.into()),
    };
    let options = ClientOptions::decode(&Value::Object(options).to_string(), Casing::Snake)?;
    let client = Client::open(options).await?;
    Ok(client.close(CloseOptions { timeout: None }).await?)
}

fn written(answers: &[(&str, String)], endpoints: &[(&str, String)]) -> String {
    let mut table = toml::Table::new();
    for (name, answer) in answers {
        let value = match *name {
            "scopes" => answer.split([' ', ',']).filter(|scope| !scope.is_empty()).collect::<Vec<_>>().into(),
            _ => toml::Value::from(answer.as_str()),
        };
        table.insert((*name).to_owned(), value);
    }
    if !endpoints.is_empty() {
        let hosts = endpoints.iter().map(|(name, url)| ((*name).to_owned(), toml::Value::from(url.as_str())));
        table.insert("endpoints".to_owned(), toml::Value::Table(hosts.collect()));
    }
    format!(
        "# Settings of the threelo command. Secrets stay in the environment: {}.\n{table}",
        variable("client_secret")
    )
}
