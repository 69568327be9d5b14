//! What a person, or a program that asked for `--json`, gets to read.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};
use threelo_core::Code;

use crate::Failure;
use crate::args::Color;

/// Exit codes; see [`crate::run`].
pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const RECONNECT: u8 = 3;
pub(crate) const LATER: u8 = 4;
pub(crate) const INTERRUPTED: u8 = 130;

const KNOWN: &str = "{wide_bar} {pos}/{len} {msg}, {eta} left";
const OPEN_ENDED: &str = "{spinner} {pos} {msg} in {elapsed}";

/// How things are printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
    colors: (bool, bool),
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ink {
    /// What is well.
    Good,
    /// What should be looked at.
    Warn,
    /// What is wrong.
    Bad,
    /// What is said beside the matter.
    Faint,
    /// What matters.
    Bold,
}

impl Output {
    pub(crate) fn new(json: bool, color: Color) -> Self {
        let wanted = |terminal: bool| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Self { json, colors: (wanted(io::stdout().is_terminal()), wanted(io::stderr().is_terminal())) }
    }

    /// A text in a colour, for standard output.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        paint(self.colors.0, ink, text)
    }

    /// A line for standard output.
    ///
    /// A reader that has gone, such as `head`, is no failure.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        let _ = writeln!(io::stdout().lock(), "{}", text.as_ref());
    }

    /// Data: as JSON where that was asked for, otherwise as `shown` says it.
    pub(crate) fn data(&self, value: &impl Serialize, shown: impl FnOnce() -> String) {
        if self.json {
            self.line(serde_json::to_string(value).unwrap_or_default());
        } else {
            self.line(shown());
        }
    }

    /// A line about what is going on, on standard error, where it is in nobody's way.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.json {
            let _ = writeln!(io::stderr().lock(), "{}", paint(self.colors.1, Ink::Faint, text.as_ref()));
        }
    }

    /// A question to whoever types the answers. A program that asked for JSON and types them itself is not asked.
    pub(crate) fn prompt(&self, text: &str) {
        if !self.json || io::stdin().is_terminal() {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// What has to be known for things to go on, on standard error in any case.
    pub(crate) fn warning(&self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = if self.json {
            writeln!(err, "{}", json!({ "warning": { "message": text } }))
        } else {
            writeln!(err, "{} {text}", paint(self.colors.1, Ink::Warn, "look:"))
        };
    }

    /// Something a program needs beside the data, as JSON on standard error; a person gets it as `shown` says it.
    pub(crate) fn aside(&self, value: &Value, shown: impl FnOnce() -> String) {
        if self.json {
            let _ = writeln!(io::stderr().lock(), "{value}");
        } else {
            self.note(shown());
        }
    }

    /// How far something long has come, on standard error while that is a terminal; nothing with `--json`.
    pub(crate) fn progress(&self, of: Option<usize>, what: &'static str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let style = |template| {
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let bar = match of {
            Some(of) => ProgressBar::new(of as u64).with_style(style(KNOWN)),
            None => ProgressBar::new_spinner().with_style(style(OPEN_ENDED)),
        };
        bar.enable_steady_tick(Duration::from_millis(100));
        bar.with_message(what)
    }

    /// Tells what went wrong and what to do next, and says with which code to exit.
    pub(crate) fn failure(&self, failure: &Failure) -> u8 {
        let (code, message, hint, context, exit) = match failure {
            Failure::Found(code) => return *code,
            Failure::Interrupted => {
                let told = "interrupted; a rotation that was under way has been stored";
                let code = Code::Cancelled;
                (code.as_str(), told.to_owned(), code.hint().to_owned(), json!({}), INTERRUPTED)
            }
            Failure::Usage(text) => {
                let hint = "`threelo help` lists the commands, `threelo help COMMAND` explains one.";
                ("usage", text.clone(), hint.to_owned(), json!({}), USAGE)
            }
            Failure::Io(what, error) => {
                ("io", format!("{what}: {error}"), io_hint(error).to_owned(), json!({}), FAILED)
            }
            Failure::Told(error) => (
                error.code().as_str(),
                error.message().to_owned(),
                error.hint().to_owned(),
                Value::Object(error.context().clone()),
                exit_code(error.code()),
            ),
        };
        let mut err = io::stderr().lock();
        let _ = if self.json {
            let (retryable, status) = match failure {
                Failure::Told(error) => (error.code().retryable(), error.status()),
                _ => (false, None),
            };
            let told = json!({
                "code": code, "message": message, "hint": hint, "retryable": retryable, "status": status, "context": context,
            });
            writeln!(err, "{}", json!({ "error": told }))
        } else {
            let name = paint(self.colors.1, Ink::Bad, &format!("error[{code}]"));
            writeln!(err, "{name}: {message}\n  {} {hint}", paint(self.colors.1, Ink::Bold, "next:"))
        };
        exit
    }
}

fn io_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "Another program listens there: end it, or take another port. A callback URL with another port has to be \
             registered with the app as well; `--no-browser` needs no port."
        }
        io::ErrorKind::StorageFull => {
            "Make room there, or write somewhere else; what is there now is not whole."
        }
        _ => "Check that the path exists and that you may use it.",
    }
}

fn exit_code(code: Code) -> u8 {
    match code {
        Code::InvalidConfig | Code::InvalidArgument => USAGE,
        Code::ReauthorizationRequired => RECONNECT,
        code if code.retryable() => LATER,
        _ => FAILED,
    }
}

fn paint(color: bool, ink: Ink, text: &str) -> String {
    let number = match ink {
        Ink::Good => "32",
        Ink::Warn => "33",
        Ink::Bad => "31;1",
        Ink::Faint => "2",
        Ink::Bold => "1",
    };
    if color { format!("\u{1b}[{number}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A moment, as people and programs both read it.
pub(crate) fn moment(millis: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Rows under headings, columns as wide as they need to be.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(at, heading)| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell));
            cells.chain([width(heading)]).max().unwrap_or(0)
        })
        .collect();
    let headings: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let lines = std::iter::once(&headings).chain(rows).map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, &wide)| {
            // What is painted is longer than it looks.
            let missing = wide.saturating_sub(width(cell));
            format!("{cell}{:missing$}", "")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How many columns a text takes, without the colours in it.
fn width(text: &str) -> usize {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().map_or(0, |plain| plain.chars().count());
    first
        + parts.map(|part| part.split_once('m').map_or(0, |(_, plain)| plain.chars().count())).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_whatever_their_colours() {
        let row = |ink: Ink, text: &str| vec!["me".to_owned(), paint(true, ink, text), "now".to_owned()];
        let rows = [row(Ink::Good, "active"), row(Ink::Bad, "reconnect")];
        let shown = table(&["ID", "HEALTH", "LAST"], &rows);
        let plain =
            ["32", "31;1", "0"].iter().fold(shown, |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
        let places: Vec<_> =
            plain.lines().map(|line| line.find("LAST").or_else(|| line.find("now"))).collect();
        assert_eq!(places, [Some(15); 3], "{plain}");
    }

    #[test]
    fn the_bars_templates_can_be_read() {
        for template in [KNOWN, OPEN_ENDED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
