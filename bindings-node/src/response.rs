//! Answers, as the face sees them.

use bytes::Bytes;
use napi::Env;
use napi::bindgen_prelude::{Buffer, ObjectFinalize};
use napi_derive::napi;
use threelo_core::request::{Download, Response};

use crate::body::NativeBody;
use crate::failure::{Failure, caught};
use crate::port::NativePort;

/// Bodies that are no larger than the objects around them are not worth telling JavaScript's collector of.
const LIGHT: usize = 4096;

/// An answer of Jira. Nothing of it is converted before somebody asks.
#[napi(custom_finalize)]
pub struct NativeResponse {
    response: Response,
    /// What the status means, once the body it was told from has been given away.
    verdict: Option<Option<Failure>>,
    streamed: bool,
    /// How many bytes the collector counts for the body: it does not see them, and would keep them for long.
    weight: i64,
}

impl ObjectFinalize for NativeResponse {
    fn finalize(mut self, env: Env) -> napi::Result<()> {
        self.relieve(&env)
    }
}

impl NativeResponse {
    /// What the collector is to be told when JavaScript is given this.
    pub(crate) fn weight(&self) -> i64 {
        self.weight
    }

    /// Tells the collector that the body is gone, or another object's.
    fn relieve(&mut self, env: &Env) -> napi::Result<()> {
        match std::mem::take(&mut self.weight) {
            0 => Ok(()),
            weight => env.adjust_external_memory(-weight).map(drop),
        }
    }
}

impl From<Response> for NativeResponse {
    fn from(response: Response) -> Self {
        let streamed = response.is_streamed();
        let weight = Some(response.body.len()).filter(|length| *length > LIGHT).unwrap_or(0);
        Self { response, verdict: None, streamed, weight: i64::try_from(weight).unwrap_or(0) }
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
    pub fn take_body(&mut self, env: Env) -> napi::Result<Buffer> {
        self.verdict = Some(self.error_for_status());
        self.relieve(&env)?;
        Ok(Vec::from(std::mem::take(&mut self.response.body)).into())
    }

    /// Whether the body is still on its way.
    #[napi(getter)]
    pub fn streamed(&self) -> bool {
        self.streamed
    }

    /// The body, piece by piece: as it arrives, or the one that is given here, where it was taken already.
    #[napi]
    pub fn reader(&mut self, port: &NativePort, taken: Option<&[u8]>) -> NativeBody {
        let download = match taken {
            Some(body) => Bytes::copy_from_slice(body).into(),
            None => self.response.download(),
        };
        NativeBody::new(download, port)
    }

    /// Why the body of a streamed answer cannot be had at once.
    #[napi]
    pub fn not_at_once(&self) -> Failure {
        Download::not_at_once().into()
    }

    /// Nothing for a status below 400, otherwise what it means.
    #[napi]
    pub fn error_for_status(&self) -> Option<Failure> {
        let verdict = self.verdict.clone();
        verdict.unwrap_or_else(|| caught(|| self.response.error_for_status()).err())
    }
}
