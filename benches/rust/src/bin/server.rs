//! The server of the benchmark: hyper, answers made beforehand, plain http and https (h1 and h2 by ALPN). Prints where
//! it listens as one line of JSON, and ends with its standard input. `bench-server [CERT.pem KEY.pem]`
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::print_stdout)]

use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use threelo_benches::answers;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

struct Answers {
    small: Bytes,
    page: Bytes,
    large: Bytes,
    sites: Bytes,
    me: Bytes,
}

impl Answers {
    /// By the end of the path, whatever stands before it.
    fn to(&self, path: &str) -> Response<Full<Bytes>> {
        let (kind, body) = match path {
            _ if path.ends_with("/rest/api/3/myself") => ("application/json", &self.small),
            _ if path.ends_with("/rest/api/3/search/jql") => ("application/json", &self.page),
            _ if path.contains("/attachment/content/") => ("application/octet-stream", &self.large),
            _ if path.ends_with("/accessible-resources") => ("application/json", &self.sites),
            "/me" => ("application/json", &self.me),
            _ => return Response::builder().status(StatusCode::NOT_FOUND).body(Full::default()).unwrap(),
        };
        Response::builder().header(CONTENT_TYPE, kind).body(Full::new(body.clone())).unwrap()
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let answers = Arc::new(Answers {
        small: answers::small(),
        page: answers::page(),
        large: answers::large(),
        sites: answers::sites(),
        me: answers::me(),
    });
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut told = serde_json::json!({ "http": format!("http://{}", plain.local_addr().unwrap()) });
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let [certificate, key] = &given[..] {
        for (name, protocols) in [("h1", &[&b"http/1.1"[..]][..]), ("h2", &[&b"h2"[..]][..])] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            told[name] = format!("https://localhost:{}", listener.local_addr().unwrap().port()).into();
            let acceptor = acceptor(certificate, key, protocols);
            tokio::spawn(listen(listener, Some(acceptor), Arc::clone(&answers)));
        }
    }
    tokio::spawn(listen(plain, None, answers));
    println!("{told}");
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
}

fn acceptor(certificate: &str, key: &str, protocols: &[&[u8]]) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let mut config = builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|&protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn listen(listener: TcpListener, tls: Option<TlsAcceptor>, answers: Arc<Answers>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).unwrap();
        let (tls, answers) = (tls.clone(), Arc::clone(&answers));
        tokio::spawn(async move {
            match tls {
                None => serve(stream, answers).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, answers).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, answers: Arc<Answers>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answers.to(request.uri().path());
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(1000);
    // Clients hang up as they like.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
