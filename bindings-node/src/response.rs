//! Answers, as the face sees them.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use threelo_core::request::Response;

use crate::failure::{Failure, caught};

/// An answer of Jira. Nothing of it is converted before somebody asks.
#[napi]
pub struct NativeResponse {
    response: Response,
    /// What the status means, once the body it was told from has been given away.
    verdict: Option<Option<Failure>>,
}

impl From<Response> for NativeResponse {
    fn from(response: Response) -> Self {
        Self { response, verdict: None }
    }
}

#[napi]
impl NativeResponse {
    /// HTTP status.
    #[napi(getter)]
    pub fn status(&self) -> u32 {
        self.response.status.into()
    }

    /// The URL that answered, without its query.
    #[napi(getter)]
    pub fn url(&self) -> &str {
        &self.response.url
    }

    /// How many requests it took.
    #[napi(getter)]
    pub fn attempts(&self) -> u32 {
        self.response.attempts
    }

    /// What came before the answer, as JSON.
    #[napi]
    pub fn history(&self) -> String {
        serde_json::to_string(&self.response.history).unwrap_or_default()
    }

    /// Name and value of each header, one character per byte as `Headers` wants them.
    #[napi]
    pub fn headers(&self) -> Vec<Vec<String>> {
        let text = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect();
        let headers = self.response.headers.iter();
        headers.map(|(name, value)| vec![name.to_string(), text(value.as_bytes())]).collect()
    }

    /// The body, which is given away: only the first call has it.
    #[napi]
    pub fn take_body(&mut self) -> Buffer {
        self.verdict = Some(self.error_for_status());
        Vec::from(std::mem::take(&mut self.response.body)).into()
    }

    /// Nothing for a status below 400, otherwise what it means.
    #[napi]
    pub fn error_for_status(&self) -> Option<Failure> {
        let verdict = self.verdict.clone();
        verdict.unwrap_or_else(|| caught(|| self.response.error_for_status()).err())
    }
}
