//! The client, as the face sees it.

use std::sync::Arc;

use napi::bindgen_prelude::{Either, Uint8Array, block_on};
use napi_derive::napi;
use threelo_core::{Call, Casing, Client, ClientOptions, ManyOptions, PaginateOptions, RequestOptions};
use zeroize::Zeroizing;

use crate::events::NativeEvents;
use crate::failure::{Failure, caught};
use crate::many::NativeMany;
use crate::paginator::NativePaginator;
use crate::port::{Answer, NativePort, Port};

/// A client of the core. Options cross as JSON with the names Node gives them.
#[napi]
pub struct NativeClient {
    pub(crate) client: Arc<Client>,
    pub(crate) port: Arc<Port>,
}

/// Opens a client; blocks for as long as opening the store takes.
#[napi]
pub fn open(port: &NativePort, options: String) -> Either<NativeClient, Failure> {
    let options = Zeroizing::new(options);
    let opened = caught(|| block_on(Client::open(ClientOptions::decode(&options, Casing::Camel)?)));
    opened.map_or_else(Either::B, |client| {
        let client = NativeClient { client: Arc::new(client), port: Arc::clone(&port.0) };
        client.port.watch(&client.client);
        Either::A(client)
    })
}

#[napi]
impl NativeClient {
    /// A verb with plain data on both sides.
    #[napi]
    pub fn call(&self, id: u32, verb: String, options: String) {
        let (client, options) = (Arc::clone(&self.client), Zeroizing::new(options));
        self.port.run(id, async move {
            let call = Call::decode(&verb, &options, Casing::Camel)?;
            client.call(call).await.map(Some).map(Answer::Text)
        });
    }

    /// `proxyRequest`; `data` is the body given as bytes.
    #[napi]
    pub fn request(&self, id: u32, options: String, data: Option<Uint8Array>) {
        let client = Arc::clone(&self.client);
        let data = data.map(|data| bytes::Bytes::copy_from_slice(&data));
        self.port.run(id, async move {
            let options = RequestOptions::decode(&options, data, None, Casing::Camel)?;
            client.proxy_request(options).await.map(Answer::Response)
        });
    }

    /// The same where there is nothing but these.
    #[napi]
    pub fn request_plain(&self, id: u32, connection: String, method: String, path: String) {
        let client = Arc::clone(&self.client);
        self.port.run(id, async move {
            let options = RequestOptions::new(connection, method, path);
            client.proxy_request(options).await.map(Answer::Response)
        });
    }

    /// `proxyRequestMany`; nothing is sent before the first result is asked for.
    #[napi]
    pub fn request_many(&self, options: String, data: Option<Uint8Array>) -> Either<NativeMany, Failure> {
        let data = data.map(|data| bytes::Bytes::copy_from_slice(&data));
        let many = || self.client.proxy_request_many(ManyOptions::decode(&options, data, Casing::Camel)?);
        caught(many).map_or_else(Either::B, |many| Either::A(NativeMany::new(many, &self.port)))
    }

    /// `paginate`; nothing is sent before the first page is asked for.
    #[napi]
    pub fn paginate(&self, options: String) -> Either<NativePaginator, Failure> {
        caught(|| self.client.paginate(PaginateOptions::decode(&options, Casing::Camel)?))
            .map_or_else(Either::B, |pages| Either::A(NativePaginator::new(pages, &self.port)))
    }

    /// A subscriber that hears everything from now on.
    #[napi]
    pub fn events(&self) -> NativeEvents {
        NativeEvents::new(self.client.events(), &self.port)
    }
}
