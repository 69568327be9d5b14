//! Rust's own clients and the core, driven as `drive` says.
#![allow(clippy::unwrap_used, clippy::panic)]

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use threelo_benches::drive::{Task, serve};
use threelo_core::{Casing, ClientOptions, ImportOptions, RequestOptions};

fn main() {
    let task = Task::given();
    // Each as it is at its best: hyper and the core need one thread where reqwest needs two.
    let mut runtime = match task.client.as_str() {
        "hyper" | "core" => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        match task.client.as_str() {
            "hyper" => hyper(task).await,
            "reqwest" => reqwest(task).await,
            "core" => core(task).await,
            other => panic!("there is no client {other:?} here"),
        }
    });
}

fn tls(ca: &str) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.unwrap().with_root_certificates(roots).with_no_client_auth()
}

fn parse(read: &str, body: &[u8]) {
    if read == "json" {
        serde_json::from_slice::<serde_json::Value>(body).unwrap();
    }
}

async fn hyper(task: Task) {
    let tls = task.ca.as_deref().map_or_else(
        || {
            rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth()
        },
        tls,
    );
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let (url, bearer, read) = (task.url(), format!("Bearer {}", task.token), task.read);
    serve(move || {
        let request = hyper::Request::get(&url).header(AUTHORIZATION, &bearer).body(Empty::new()).unwrap();
        let (answer, read) = (client.request(request), read.clone());
        async move {
            let mut body = answer.await.unwrap().into_body();
            if read == "stream" {
                while let Some(piece) = body.frame().await {
                    piece.unwrap();
                }
            } else {
                parse(&read, &body.collect().await.unwrap().to_bytes());
            }
        }
    })
    .await;
}

async fn reqwest(task: Task) {
    let mut builder = reqwest::Client::builder();
    builder = match task.ca.as_deref() {
        Some(ca) => {
            let mut tls = tls(ca);
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            builder.tls_backend_preconfigured(tls)
        }
        None => builder.tls_backend_preconfigured(
            rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth(),
        ),
    };
    let client = builder.build().unwrap();
    let (url, token, read) = (task.url(), task.token.clone(), task.read);
    serve(move || {
        let (answer, read) = (client.get(&url).bearer_auth(&token).send(), read.clone());
        async move {
            let mut answer = answer.await.unwrap();
            if read == "stream" {
                while answer.chunk().await.unwrap().is_some() {}
            } else {
                parse(&read, &answer.bytes().await.unwrap());
            }
        }
    })
    .await;
}

async fn core(task: Task) {
    let options = json!({
        "client_id": "bench", "client_secret": "bench", "redirect_uri": "http://localhost:3000/callback",
        "scopes": ["read:jira-work"], "store": "memory:", "ca_bundle": task.ca,
        "endpoints": { "auth": task.base, "api": task.base },
    });
    let client = ClientOptions::decode(&options.to_string(), Casing::Snake).unwrap();
    let client = threelo_core::Client::open(client).await.unwrap();
    let import: ImportOptions = serde_json::from_value(json!({
        "id": "user-42", "refresh_token": "bench", "access_token": task.token,
        "expires_at": 4_000_000_000_000_u64, "site": "acme",
    }))
    .unwrap();
    client.import_connection(import).await.unwrap();
    // A subscriber: events are on in every burst.
    let mut events = client.events();
    tokio::spawn(async move { while events.next().await.is_some() {} });
    let (path, read) = (task.path.clone(), task.read);
    serve(move || {
        let (client, path, read) = (client.clone(), path.clone(), read.clone());
        async move {
            let mut request = RequestOptions::new("user-42", "GET", path);
            request.stream = read == "stream";
            let mut response = client.proxy_request(request).await.unwrap();
            if read == "stream" {
                let mut download = response.download();
                while download.next().await.unwrap().is_some() {}
            } else {
                parse(&read, &response.body);
            }
        }
    })
    .await;
}
