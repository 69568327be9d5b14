//! Where the client's options come from: flags, then the environment, then `threelo.toml`; the client secret from the
//! environment, then the keyring. They are put together as one object under the names of `api.toml`, and the core decides
//! whether they are good.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use threelo_core::{Casing, Client, ClientOptions, Error};

use crate::args::App;
use crate::keyring::Keyring;
use crate::{Failure, Outcome};

/// The settings file that is taken without being named.
pub(crate) const FILE: &str = "threelo.toml";

/// What a client cannot do without.
const NEEDED: [&str; 4] = ["client_id", "client_secret", "redirect_uri", "scopes"];

/// What may be set, and whether it is a secret or a list. No secret comes from a file or a flag.
const SETTINGS: &[(&str, Kind)] = &[
    ("client_id", Kind::Text),
    ("client_secret", Kind::Secret),
    ("redirect_uri", Kind::Text),
    ("scopes", Kind::List),
    ("store", Kind::Text),
    ("encryption_key", Kind::Secrets),
    ("endpoints", Kind::Table),
    ("site_policy", Kind::Text),
    ("proxy", Kind::Text),
    ("ca_bundle", Kind::Text),
    ("max_body_bytes", Kind::Number),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Secret,
    /// Several are separated as in a list; one is a text.
    Secrets,
    /// Separated by commas or spaces where it comes as one text.
    List,
    /// `name=url`, separated in the same way.
    Table,
    Number,
}

impl Kind {
    fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Secrets)
    }
}

/// The settings, and where each came from: for `doctor`, which must not show values.
#[derive(Debug)]
pub(crate) struct Settings {
    values: Map<String, Value>,
    /// Name of the setting, and the place.
    pub(crate) sources: BTreeMap<&'static str, String>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
}

impl Settings {
    /// Reads them all.
    ///
    /// # Errors
    /// A file that cannot be read, holds a secret, or names a setting that does not exist.
    pub(crate) fn read(app: &App) -> Outcome<Self> {
        let path = named(app).or_else(|| Some(PathBuf::from(FILE)).filter(|path| path.exists()));
        let mut settings = Self::from(app, path)?;
        if let (None, Some(id)) = (settings.text("client_secret"), settings.text("client_id"))
            && let Some(secret) = Keyring::here().look_up(id)
        {
            settings.put("client_secret", secret.expose_secret().into(), "the keyring".to_owned());
        }
        Ok(settings)
    }

    /// What flags and the environment say, without a file that is to be replaced.
    ///
    /// # Errors
    /// A text that is not what its setting needs.
    pub(crate) fn said(app: &App) -> Outcome<Self> {
        Self::from(app, None)
    }

    fn from(app: &App, file: Option<PathBuf>) -> Outcome<Self> {
        let mut settings = Self { values: Map::new(), sources: BTreeMap::new(), file };
        if let Some(path) = settings.file.clone() {
            settings.take_file(&path)?;
        }
        for &(name, kind) in SETTINGS {
            let variable = variable(name);
            if let Ok(text) = env::var(&variable)
                && !text.is_empty()
            {
                settings.put(name, parse(name, kind, &text, &variable)?, format!("${variable}"));
            }
        }
        let flags = [
            ("client_id", app.client_id.as_ref()),
            ("redirect_uri", app.redirect_uri.as_ref()),
            ("scopes", app.scopes.as_ref()),
            ("store", app.store.as_ref()),
            ("proxy", app.proxy.as_ref()),
            ("ca_bundle", app.ca_bundle.as_ref()),
            ("site_policy", app.site_policy.as_ref()),
            ("max_body_bytes", app.max_body_bytes.as_ref()),
        ];
        for (name, given) in flags {
            if let (Some(text), Some(&(name, kind))) = (given, SETTINGS.iter().find(|known| known.0 == name))
            {
                let flag = format!("--{}", name.replace('_', "-"));
                settings.put(name, parse(name, kind, text, &flag)?, flag);
            }
        }
        if !app.endpoints.is_empty() {
            let table = parse("endpoints", Kind::Table, &app.endpoints.join(" "), "--endpoint")?;
            settings.put("endpoints", table, "--endpoint".to_owned());
        }
        Ok(settings)
    }

    fn put(&mut self, name: &'static str, value: Value, source: String) {
        self.values.insert(name.to_owned(), value);
        self.sources.insert(name, source);
    }

    fn take_file(&mut self, path: &Path) -> Outcome {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::Io(format!("the settings file {shown}"), error))?;
        // toml's own message quotes the line, which may hold a secret.
        let table: Map<String, Value> = toml::from_str(&text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text.get(..span.start).unwrap_or("").lines().count().max(1));
            Failure::Usage(format!("{shown} is not TOML at line {line}"))
        })?;
        for (name, value) in table {
            let Some(&(name, kind)) = SETTINGS.iter().find(|known| known.0 == name) else {
                let known: Vec<_> = SETTINGS.iter().map(|known| known.0).collect();
                let text =
                    format!("{shown} sets `{name}`, which does not exist; there are {}", known.join(", "));
                return Err(Failure::Usage(text));
            };
            if kind.is_secret() {
                let text = format!(
                    "{shown} holds `{name}`; secrets are not read from files that end up in repositories. \
                     Put it into the environment as {} and take it out of the file",
                    variable(name)
                );
                return Err(Failure::Usage(text));
            }
            self.put(name, value, shown.to_string());
        }
        Ok(())
    }

    /// One setting as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    /// One setting, of whichever kind.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// What a client cannot do without and nothing gives.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        NEEDED.into_iter().filter(|name| !self.values.contains_key(*name)).collect()
    }

    /// The scopes that are asked for.
    pub(crate) fn scopes(&self) -> Vec<String> {
        let given = self.values.get("scopes").and_then(Value::as_array);
        given.into_iter().flatten().filter_map(|scope| scope.as_str().map(str::to_owned)).collect()
    }

    /// The host that plays `name`, where it is not Atlassian's own.
    pub(crate) fn endpoint(&self, name: &str) -> Option<&str> {
        self.values.get("endpoints")?.get(name)?.as_str()
    }

    /// What the client takes.
    ///
    /// # Errors
    /// `invalid_config`, naming all that is missing and where it can be set.
    pub(crate) fn options(&self) -> Result<ClientOptions, Error> {
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(unset(&missing));
        }
        let text = Value::Object(self.values.clone()).to_string();
        ClientOptions::decode(&text, Casing::Snake)
    }

    /// Opens the client; a connect leaves the choice of a site to the person, unless a setting says otherwise.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub(crate) async fn open(mut self, ask_for_site: bool) -> Outcome<Client> {
        if ask_for_site && !self.values.contains_key("site_policy") {
            self.values.insert("site_policy".to_owned(), json!("ask"));
        }
        Ok(Client::open(self.options()?).await?)
    }
}

fn unset(names: &[&'static str]) -> Error {
    let secret = |name: &str| SETTINGS.iter().any(|known| known.0 == name && known.1.is_secret());
    let listed = |names: &[&str], write: &dyn Fn(&str) -> String| {
        names.iter().map(|name| write(name)).collect::<Vec<_>>().join(", ")
    };
    let (secrets, plain): (Vec<_>, Vec<_>) = names.iter().copied().partition(|name| secret(name));
    let mut steps = Vec::new();
    if !plain.is_empty() {
        let flags = listed(&plain, &|name| format!("--{}", name.replace('_', "-")));
        let variables = listed(&plain, &variable);
        steps.push(format!(
            "Set {variables} in the environment, give {flags}, or have `threelo init` write {FILE}."
        ));
    }
    if !secrets.is_empty() {
        let variables = listed(&secrets, &variable);
        steps.push(format!("Set {variables} in the environment, or have `threelo init --keyring` keep it."));
    }
    let message = format!(
        "{} {} not set",
        listed(names, &|name| format!("`{name}`")),
        if names.len() == 1 { "is" } else { "are" }
    );
    Error::new(threelo_core::Code::InvalidConfig, message)
        .with("option", names.first().copied().unwrap_or_default())
        .with("options", names)
        .hinting(steps.join(" "))
}

/// The environment's name of a setting.
pub(crate) fn variable(name: &str) -> String {
    format!("THREELO_{}", name.to_ascii_uppercase())
}

/// The settings file that is named, by a flag or in the environment.
pub(crate) fn named(app: &App) -> Option<PathBuf> {
    app.config.clone().or_else(|| env::var_os("THREELO_CONFIG").map(PathBuf::from))
}

fn parse(name: &str, kind: Kind, text: &str, place: &str) -> Outcome<Value> {
    let words = || text.split([',', ' ']).filter(|word| !word.is_empty());
    Ok(match kind {
        Kind::Text | Kind::Secret => json!(text),
        Kind::Secrets if words().count() > 1 => json!(words().collect::<Vec<_>>()),
        Kind::Secrets => json!(text),
        Kind::List => json!(words().collect::<Vec<_>>()),
        Kind::Number => {
            let number = text.parse::<u64>();
            json!(
                number.map_err(|_| Failure::Usage(format!(
                    "{place} is not a number, which `{name}` must be"
                )))?
            )
        }
        Kind::Table => {
            let pairs = words().map(|word| word.split_once('='));
            let wrong =
                || Failure::Usage(format!("{place} must read NAME=URL, such as auth=http://127.0.0.1:8080"));
            let pairs = pairs.map(|pair| pair.map(|(key, value)| (key.to_owned(), json!(value))));
            Value::Object(pairs.collect::<Option<Map<_, _>>>().ok_or_else(wrong)?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_a_client_can_be_set() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../api.toml")).unwrap();
        let api: toml::Table = toml::from_str(&text).unwrap();
        let options = api["client"]["options"].as_table().unwrap();
        let beside = |option: &toml::Value| option.get("beside").and_then(toml::Value::as_bool) == Some(true);
        // A command waits for what it began, and nothing of it goes on.
        let settable = |name: &str, option| !beside(option) && name != "background";
        let mut listed: Vec<_> =
            options.iter().filter(|(name, option)| settable(name, option)).map(|(name, _)| &**name).collect();
        let mut known: Vec<_> = SETTINGS.iter().map(|known| known.0).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(known, listed);
    }

    #[test]
    fn no_secret_has_a_flag() {
        let flags = crate::args::setting_flags();
        for (name, kind) in SETTINGS {
            assert!(!kind.is_secret() || !flags.iter().any(|flag| flag == name), "{name}");
        }
    }

    #[test]
    fn everything_else_has_one() {
        let flags = crate::args::setting_flags();
        for (name, kind) in SETTINGS {
            assert!(kind.is_secret() || flags.iter().any(|flag| flag == name), "{name}");
        }
    }

    #[test]
    fn all_that_is_missing_is_named_at_once_and_a_secret_is_offered_no_flag() {
        let error = unset(&["client_id", "client_secret"]);
        assert_eq!(error.message(), "`client_id`, `client_secret` are not set");
        for part in ["THREELO_CLIENT_ID", "--client-id", "THREELO_CLIENT_SECRET", "--keyring"] {
            assert!(error.hint().contains(part), "{part}: {}", error.hint());
        }
        assert!(!error.hint().contains("--client-secret"), "{}", error.hint());
    }

    #[test]
    fn lists_and_tables_are_read_with_commas_and_spaces() {
        let Ok(list) = parse("scopes", Kind::List, "a, b  c", "--scopes") else { panic!() };
        assert_eq!(list, json!(["a", "b", "c"]));
        let Ok(table) = parse("endpoints", Kind::Table, "auth=http://a api=http://b", "x") else { panic!() };
        assert_eq!(table, json!({ "auth": "http://a", "api": "http://b" }));
        assert!(matches!(parse("endpoints", Kind::Table, "auth", "x"), Err(Failure::Usage(_))));
    }
}
