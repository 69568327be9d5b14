//! One line, as it crosses into other languages.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

use crate::atlassian::diagnosis::clean;
use crate::clock::wall_ms;

/// How much a line matters. Finer ones than `debug` are not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// Something changed, as it should.
    Info,
    /// Something is not as it should be; threelo copes.
    Warning,
    /// Something may be lost unless somebody acts.
    Error,
}

impl From<&tracing::Level> for LogLevel {
    fn from(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warning,
            tracing::Level::INFO => Self::Info,
            _ => Self::Debug,
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// When, in milliseconds since the epoch.
    pub at: u64,
    /// The whole line: what happened, and the details behind it.
    pub message: String,
    /// The details by name.
    pub details: Map<String, Value>,
}

impl LogLine {
    pub(super) fn of(event: &tracing::Event<'_>) -> Self {
        let mut parts = Parts::default();
        event.record(&mut parts);
        Self::new(event.metadata().level().into(), &parts.message, parts.details)
    }

    /// What a listener is told that was too slow.
    pub(super) fn missed(lines: u64) -> Self {
        let details = Map::from_iter([("missed".to_owned(), Value::from(lines))]);
        Self::new(LogLevel::Warning, "the log's listener is too slow; lines were lost", details)
    }

    fn new(level: LogLevel, said: &str, details: Map<String, Value>) -> Self {
        let shown: Vec<String> =
            details.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        let message =
            if shown.is_empty() { said.to_owned() } else { format!("{said} ({})", shown.join(", ")) };
        Self { level, at: wall_ms(), message, details }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An event's message and its other fields, cleaned.
#[derive(Default)]
struct Parts {
    message: String,
    details: Map<String, Value>,
}

impl Parts {
    fn keep(&mut self, field: &Field, value: Value) {
        self.details.insert(field.name().to_owned(), value);
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = clean(value);
        } else {
            self.keep(field, clean(value).into());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value.into());
    }
}
