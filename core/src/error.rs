//! The one error type: a stable code, what happened, what to do next. No token, secret, code or state ever stands in
//! one, because nothing that holds them can be formatted.

use std::fmt;

use serde_json::{Map, Value};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($variant:ident = $text:literal, retryable: $retryable:literal, doc: $doc:literal, hint: $hint:literal;)*) => {
        /// Stable error codes, equal in Rust, Python and Node. More may come; callers must tolerate new ones.
        ///
        /// `api.toml` describes each; a test holds the two lists together.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $(#[doc = $doc] $variant),* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The snake_case text that crosses into the other languages.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text),* }
            }

            /// Whether the same call may succeed later without anybody changing anything.
            #[must_use]
            pub fn retryable(self) -> bool {
                match self { $(Code::$variant => $retryable),* }
            }

            /// What to do next, unless the error knows better.
            #[must_use]
            pub fn hint(self) -> &'static str {
                match self { $(Code::$variant => $hint),* }
            }
        }
    };
}

include!("error_codes.rs");

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What every fallible operation of threelo returns when it fails.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {}", .0.code, .0.message)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    message: String,
    hint: Option<String>,
    status: Option<u16>,
    context: Map<String, Value>,
    /// It names things as the caller wrote them; see [`Error::spelt`].
    verbatim: bool,
}

impl Error {
    /// An error with the code's own hint and an empty context.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            hint: None,
            status: None,
            context: Map::new(),
            verbatim: false,
        }))
    }

    /// `invalid_config` for one option: what was given, what is accepted.
    pub fn config(option: &str, given: impl fmt::Display, accepted: &str) -> Self {
        Self::bad_value(Code::InvalidConfig, option, given, accepted)
    }

    /// `invalid_argument` for one argument of a verb: what was given, what is accepted.
    pub fn argument(option: &str, given: impl fmt::Display, accepted: &str) -> Self {
        Self::bad_value(Code::InvalidArgument, option, given, accepted)
    }

    pub(crate) fn bad_value(code: Code, option: &str, given: impl fmt::Display, accepted: &str) -> Self {
        let given = given.to_string();
        Self::new(code, format!("`{option}` is {given}; accepted is {accepted}"))
            .with("option", option)
            .with("given", given)
            .with("accepted", accepted)
    }

    /// Replaces the code's own hint.
    #[must_use]
    pub fn hinting(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Records the HTTP status that was involved.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds one named detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.context.insert(name.to_owned(), value.into());
        self
    }

    /// What the bindings make of a panic. Its own text goes to the standard error stream and is not repeated here:
    /// nobody has checked it for secrets.
    #[must_use]
    pub fn panicked() -> Self {
        Self::new(Code::Internal, "a fault inside threelo; it was written to the standard error stream")
    }

    /// Says that the error already names things as the caller wrote them.
    #[must_use]
    pub(crate) fn verbatim(mut self) -> Self {
        self.0.verbatim = true;
        self
    }

    /// Changes the texts a person reads: message, hint, and the option the context names.
    pub(crate) fn map_texts(mut self, change: impl Fn(&str) -> String) -> Self {
        let hint = change(self.hint());
        if hint != self.hint() {
            self.0.hint = Some(hint);
        }
        if self.0.verbatim {
            return self;
        }
        self.0.message = change(&self.0.message);
        for name in ["option", "accepted"] {
            if let Some(Value::String(text)) = self.0.context.get_mut(name) {
                *text = change(text);
            }
        }
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened and what was expected.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &str {
        self.0.hint.as_deref().unwrap_or_else(|| self.0.code.hint())
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        self.0.code.retryable()
    }

    /// The HTTP status that was involved, if one was.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Details by name.
    #[must_use]
    pub fn context(&self) -> &Map<String, Value> {
        &self.0.context
    }
}
