//! The verbs as the bindings call them: a name and JSON in, JSON out. What is accepted is decided here, once for all
//! languages; `api.toml` lists it.

mod decode;
mod spell;

use serde::Serialize;
use serde_json::json;

use decode::decode;
pub use spell::Casing;

use crate::client::{Authorization, Client, RequestResult};
use crate::config::ClientOptions;
use crate::error::{Code, Error, Result};
use crate::options::{
    AuthorizeOptions, CloseOptions, CompleteOptions, ConnectOptions, ConnectionsOptions, IdOptions,
    ImportOptions, KeepAliveOptions, ManyOptions, PaginateOptions, RekeyOptions, RequestOptions,
    SelectSiteOptions, UpdateOptions,
};
use crate::upload::Upload;

/// A verb that takes and returns plain data, with its options. `proxy_request` and `paginate` have richer results
/// and are called on the [`Client`] itself.
#[derive(Debug)]
pub enum Call {
    /// `connect`
    Connect(ConnectOptions),
    /// `complete`
    Complete(CompleteOptions),
    /// `refresh`
    Refresh(IdOptions),
    /// `sites`
    Sites(IdOptions),
    /// `select_site`
    SelectSite(SelectSiteOptions),
    /// `connection`
    Connection(IdOptions),
    /// One page of `connections`
    Connections(ConnectionsOptions),
    /// `update`
    Update(UpdateOptions),
    /// `disconnect`
    Disconnect(IdOptions),
    /// `import_connection`
    ImportConnection(ImportOptions),
    /// `keep_alive`
    KeepAlive(KeepAliveOptions),
    /// `rekey`
    Rekey(RekeyOptions),
    /// `rate_limits`
    RateLimits(IdOptions),
    /// `access_token`
    AccessToken(IdOptions),
    /// `authorize`
    Authorize(AuthorizeOptions),
    /// `close`
    Close(CloseOptions),
}

impl Call {
    /// Reads a verb's options.
    ///
    /// # Errors
    /// `invalid_argument`, naming the option as the caller's language writes it.
    pub fn decode(verb: &str, options: &str, casing: Casing) -> Result<Self> {
        Ok(match verb {
            "connect" => Self::Connect(decode(verb, options, casing)?),
            "complete" => Self::Complete(decode(verb, options, casing)?),
            "refresh" => Self::Refresh(decode(verb, options, casing)?),
            "sites" => Self::Sites(decode(verb, options, casing)?),
            "select_site" => Self::SelectSite(decode(verb, options, casing)?),
            "connection" => Self::Connection(decode(verb, options, casing)?),
            "connections" => Self::Connections(decode(verb, options, casing)?),
            "update" => Self::Update(decode(verb, options, casing)?),
            "disconnect" => Self::Disconnect(decode(verb, options, casing)?),
            "import_connection" => Self::ImportConnection(decode(verb, options, casing)?),
            "keep_alive" => Self::KeepAlive(decode(verb, options, casing)?),
            "rekey" => Self::Rekey(decode(verb, options, casing)?),
            "rate_limits" => Self::RateLimits(decode(verb, options, casing)?),
            "access_token" => Self::AccessToken(decode(verb, options, casing)?),
            "authorize" => Self::Authorize(decode(verb, options, casing)?),
            "close" => Self::Close(decode(verb, options, casing)?),
            other => return Err(Error::argument("verb", other, "one of the verbs in api.toml")),
        })
    }
}

impl ClientOptions {
    /// Reads a client's options.
    ///
    /// # Errors
    /// `invalid_config`, naming the option as the caller's language writes it.
    pub fn decode(options: &str, casing: Casing) -> Result<Self> {
        decode("client", options, casing)
    }
}

impl RequestOptions {
    /// Reads the options of `proxy_request`; a body given as bytes, or files, come beside them.
    ///
    /// # Errors
    /// `invalid_argument`.
    pub fn decode(
        options: &str,
        data: Option<bytes::Bytes>,
        files: Option<Vec<Upload>>,
        casing: Casing,
    ) -> Result<Self> {
        Ok(Self { data, files, ..decode("proxy_request", options, casing)? })
    }
}

impl ManyOptions {
    /// Reads the options of `proxy_request_many`; a body given as bytes comes beside them.
    ///
    /// # Errors
    /// `invalid_argument`.
    pub fn decode(options: &str, data: Option<bytes::Bytes>, casing: Casing) -> Result<Self> {
        Ok(Self { data, ..decode("proxy_request_many", options, casing)? })
    }
}

impl RequestResult {
    /// Whose result it is, as the bindings hand it on: `{"id": …, "site": …}`.
    #[must_use]
    pub fn head_to_json(&self) -> String {
        json!({ "id": self.id, "site": self.site }).to_string()
    }
}

impl PaginateOptions {
    /// Reads the options of `paginate`.
    ///
    /// # Errors
    /// `invalid_argument`.
    pub fn decode(options: &str, casing: Casing) -> Result<Self> {
        decode("paginate", options, casing)
    }
}

impl Client {
    /// Runs a verb and returns its result as JSON, in snake_case.
    ///
    /// # Errors
    /// Those of the verb.
    pub async fn call(&self, call: Call) -> Result<String> {
        match call {
            Call::Connect(options) => text(&self.connect(options).await?),
            Call::Complete(options) => text(&self.complete(options).await?),
            Call::Refresh(options) => text(&self.refresh(options).await?),
            Call::Sites(options) => text(&self.sites(options).await?),
            Call::SelectSite(options) => text(&self.select_site(options).await?),
            Call::Connection(options) => text(&self.connection(options).await?),
            Call::Connections(options) => {
                let page = self.connections(options).await?;
                text(&json!({ "items": page.items, "cursor": page.cursor }))
            }
            Call::Update(options) => text(&self.update(options).await?),
            Call::Disconnect(options) => text(&self.disconnect(options).await?),
            Call::ImportConnection(options) => text(&self.import_connection(options).await?),
            Call::KeepAlive(options) => text(&self.keep_alive(options).await?),
            Call::Rekey(options) => text(&self.rekey(options).await?),
            Call::RateLimits(options) => text(&self.rate_limits(options).await?),
            Call::AccessToken(options) => {
                text(secrecy::ExposeSecret::expose_secret(&self.access_token(options).await?))
            }
            Call::Authorize(options) => {
                let Authorization { url, access_token, send } = self.authorize(options).await?;
                let access_token = secrecy::ExposeSecret::expose_secret(&access_token);
                text(&json!({ "url": url, "access_token": access_token, "send": send }))
            }
            Call::Close(options) => text(&self.close(options).await?),
        }
    }
}

fn text(value: &(impl Serialize + ?Sized)) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|_| Error::new(Code::InvalidArgument, "a result could not be written as JSON"))
}
