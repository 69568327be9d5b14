//! What can be said on the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Connect your users' Jira and call it, for years.
#[derive(Debug, Parser)]
#[command(name = "threelo", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) app: App,
    /// Print data and errors as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Settings of the app. Secrets have no flags, because other users of a machine can read command lines: they come from
/// THREELO_CLIENT_SECRET, or the keyring, and THREELO_ENCRYPTION_KEY.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Settings (or THREELO_… in the environment, or threelo.toml)")]
pub(crate) struct App {
    /// The settings file [default: threelo.toml, where there is one].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The app's client id.
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The app's callback URL.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) redirect_uri: Option<String>,
    /// Scopes to ask for, separated by commas or spaces.
    #[arg(long, global = true, value_name = "SCOPES")]
    pub(crate) scopes: Option<String>,
    /// Where connections are kept: a path, or postgresql://…
    #[arg(long, global = true, value_name = "STORE")]
    pub(crate) store: Option<String>,
    /// Another host instead of Atlassian's, such as auth=http://127.0.0.1:8080; repeat it for api and resources.
    #[arg(long = "endpoint", global = true, value_name = "NAME=URL")]
    pub(crate) endpoints: Vec<String>,
    /// A proxy for all requests.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) proxy: Option<String>,
    /// PEM file with the certificate authorities to trust.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_bundle: Option<String>,
    /// What a consent does that reaches several sites when none is named: first takes one, ask leaves the choice.
    /// `connect` asks by itself.
    #[arg(long, global = true, value_name = "POLICY")]
    pub(crate) site_policy: Option<String>,
    /// The largest answer that is read into memory.
    #[arg(long, global = true, value_name = "BYTES")]
    pub(crate) max_body_bytes: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write threelo.toml for a registered Jira app, asking for what is not given.
    Init(Init),
    /// Connect a Jira: opens the browser and waits for the consent.
    Connect(Connect),
    /// List the Jira sites a connection reaches.
    Sites(Id),
    /// Move a connection to another of its sites.
    SelectSite(SelectSite),
    /// List the connections.
    List(List),
    /// Show a connection: its health, its dates and what befell it lately.
    Show(Id),
    /// Rotate a connection's tokens now.
    Refresh(Id),
    /// Remove a connection, and its tokens with the last one of an account.
    Disconnect(Id),
    /// One pass over all connections: rotate what would die of inactivity, list what needs a person.
    KeepAlive(KeepAlive),
    /// Seal everything in the store with the first of the encryption keys.
    Rekey,
    /// Take over connections from JSON lines, or from an export of Nango, without a new consent.
    Import(Import),
    /// Call Jira, as with curl.
    Request(Request),
    /// Check everything that can be wrong, and say what to do about it.
    Doctor(Doctor),
    /// Serve a little Atlassian on this machine, to try things on.
    Sandbox(Sandbox),
    /// Print a completion script for a shell.
    Completions(Completions),
}

/// A command about one connection.
#[derive(Debug, clap::Args)]
pub(crate) struct Id {
    /// The connection's id.
    pub(crate) id: String,
}

/// `threelo init`
#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Replace a settings file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Keep the client secret in the operating system's keyring.
    #[arg(long)]
    pub(crate) keyring: bool,
}

/// `threelo connect`
#[derive(Debug, clap::Args)]
pub(crate) struct Connect {
    /// The connection's id: your own handle for it.
    pub(crate) id: String,
    /// Subdomain, URL or cloud id of the site it must be for.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Print the URL and read the callback's address from standard input, for machines without a browser.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Print the URL instead of opening it, and listen for the callback all the same.
    #[arg(long, conflicts_with = "no_browser")]
    pub(crate) print_url: bool,
    /// Let another Atlassian account answer for a connection that exists.
    #[arg(long)]
    pub(crate) allow_account_change: bool,
}

/// `threelo select-site`
#[derive(Debug, clap::Args)]
pub(crate) struct SelectSite {
    /// The connection's id.
    pub(crate) id: String,
    /// Subdomain, URL or cloud id.
    pub(crate) site: String,
}

/// `threelo list`
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only connections with this label; may be repeated.
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    pub(crate) tags: Vec<String>,
}

/// `threelo keep-alive`
#[derive(Debug, clap::Args)]
pub(crate) struct KeepAlive {
    /// Rotate tokens older than this many days.
    #[arg(long, value_name = "DAYS")]
    pub(crate) idle_days: Option<f64>,
    /// How many at once.
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<u32>,
}

/// `threelo import`
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The file; - for standard input.
    pub(crate) file: PathBuf,
}

/// `threelo request`
#[derive(Debug, clap::Args)]
pub(crate) struct Request {
    /// The connection's id.
    pub(crate) id: String,
    /// The method; may be left out: GET, or POST where there is a body.
    pub(crate) method_or_path: String,
    /// The path, such as /rest/api/3/myself, or a URL of the connection's own site.
    pub(crate) path: Option<String>,
    /// Body: JSON, or what a Content-Type given with -H says; @FILE reads a file, @- standard input.
    #[arg(short, long, value_name = "BODY")]
    pub(crate) data: Option<String>,
    /// A part of a form: NAME=VALUE, or NAME=@FILE with ;type=… and ;filename=… behind it. Jira takes attachments as
    /// file=@FILE.
    #[arg(short = 'F', long = "form", value_name = "NAME=VALUE", conflicts_with_all = ["data", "paginate"])]
    pub(crate) form: Vec<String>,
    /// A header; the values of a name that is repeated are sent as one list.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", conflicts_with = "paginate")]
    pub(crate) headers: Vec<String>,
    /// A query parameter; a name that is repeated is sent repeatedly.
    #[arg(short, long = "query", value_name = "NAME=VALUE")]
    pub(crate) query: Vec<String>,
    /// Another site of the same account.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Print every item of a listing, page after page, one per line.
    #[arg(long)]
    pub(crate) paginate: bool,
    /// Stop after this many items.
    #[arg(long, requires = "paginate")]
    pub(crate) limit: Option<u64>,
    /// Go on where another listing stopped.
    #[arg(long, requires = "paginate")]
    pub(crate) cursor: Option<String>,
    /// How long it may take.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Write the body to a file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print status and headers before the body.
    #[arg(short, long, conflicts_with = "paginate")]
    pub(crate) include: bool,
}

/// `threelo doctor`
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// A connection to check as well.
    pub(crate) id: Option<String>,
}

/// `threelo sandbox`
#[derive(Debug, clap::Args)]
pub(crate) struct Sandbox {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// A world to begin with, as in the sandbox's README; the other flags change it.
    #[arg(long, value_name = "FILE")]
    pub(crate) world: Option<PathBuf>,
    /// Everything that looks random follows from it.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Its clock stands at this second since 1970, or at this RFC 3339 date: the same calls get the same bytes then.
    #[arg(long, value_name = "TIME", value_parser = second)]
    pub(crate) stopped_at: Option<i64>,
    /// How many Jira sites there are; everybody has consented to all of them before, so that a consent reaches them all.
    #[arg(long, value_name = "N")]
    pub(crate) sites: Option<usize>,
    /// How many issues each site has.
    #[arg(long, value_name = "N")]
    pub(crate) issues: Option<u64>,
    /// What goes wrong: a file with a fault or a list of them, or the JSON itself, as in the control API's
    /// POST /_sandbox/faults; may be repeated.
    #[arg(long, value_name = "FILE or JSON")]
    pub(crate) faults: Vec<String>,
    /// Where the app's callback is.
    #[arg(long, value_name = "URL", default_value = "http://localhost:3000/callback")]
    pub(crate) callback: String,
}

/// `threelo completions`
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let read = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    read.ok_or_else(|| "a number of seconds is needed".to_owned())
}

fn second(text: &str) -> Result<i64, String> {
    let date = || {
        let since = humantime::parse_rfc3339_weak(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    };
    let needed = "seconds since 1970 are needed, or a date such as 2026-09-21T14:13:20Z";
    text.parse().ok().or_else(date).ok_or_else(|| needed.to_owned())
}

/// How a command line that could not be understood wants to be answered: whether as JSON, and when in colour.
pub(crate) fn looks(arguments: &[OsString]) -> (bool, Color) {
    let words: Vec<_> =
        arguments.iter().map_while(|word| word.to_str().filter(|&word| word != "--")).collect();
    let color = words.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--color")? {
        "" => words.get(at + 1).copied(),
        value => value.strip_prefix('='),
    });
    let color = color.and_then(|name| Color::from_str(name, false).ok());
    (words.contains(&"--json"), color.unwrap_or(Color::Auto))
}

/// The whole command line, for completions.
pub(crate) fn described() -> clap::Command {
    <Args as clap::CommandFactory>::command()
}

/// Names of the settings' flags, for messages that must name them.
#[cfg(test)]
pub(crate) fn setting_flags() -> Vec<String> {
    let command = <App as clap::Args>::augment_args(clap::Command::new("settings"));
    command.get_arguments().map(|arg| arg.get_id().as_str().to_owned()).collect()
}
