//! Failures as they cross into JavaScript: plain data, because napi gives every rejected promise the same code.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use napi_derive::napi;
use threelo_core::{Casing, Error};

/// A failure of the core, or of this package. `context` is a JSON object.
#[napi(object, object_from_js = false)]
#[derive(Clone)]
pub struct Failure {
    /// Stable snake_case code.
    pub code: String,
    /// What happened and what was expected.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// HTTP status, where one was involved.
    pub status: Option<u32>,
    /// Details by name, as a JSON object.
    pub context: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let error = error.spelt(Casing::Camel);
        Self {
            code: error.code().as_str().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().to_owned(),
            retryable: error.retryable(),
            status: error.status().map(u32::from),
            context: serde_json::to_string(error.context()).unwrap_or_default(),
        }
    }
}

impl Failure {
    /// A panic of the core.
    pub(crate) fn panic(_payload: Box<dyn Any + Send>) -> Self {
        Self::from(Error::panicked())
    }
}

/// Runs something of the core on JavaScript's thread, where a panic would end the process.
pub(crate) fn caught<T>(work: impl FnOnce() -> threelo_core::Result<T>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).map_err(Failure::panic)?.map_err(Failure::from)
}
