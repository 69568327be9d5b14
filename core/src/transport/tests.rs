//! The transport over real sockets of this machine: TLS with a bundle, HTTP/2 by ALPN, a proxy, connections kept and
//! connections lost.

use std::convert::Infallible;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::TryStreamExt;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Transport;
use crate::body::Fault;

/// A certificate for `localhost` and `api.example`.
struct Certificate {
    folder: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "ca.pem"])
            .args(["-addext", "subjectAltName=DNS:localhost,DNS:api.example"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { folder }
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn acceptor(&self, protocols: &[&[u8]]) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_file(self.bundle()).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.folder.path().join("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config =
            builder.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = protocols.iter().map(|&protocol| protocol.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server that answers with the request's version and body, and counts its connections.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::AcqRel);
                let tls = tls.clone();
                tokio::spawn(async move {
                    let service = auto::Builder::new(TokioExecutor::new());
                    // Clients that do not like the certificate hang up.
                    match tls {
                        None => drop(service.serve_connection(TokioIo::new(stream), service_fn(echo)).await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(service.serve_connection(TokioIo::new(stream), service_fn(echo)).await);
                            }
                        }
                    }
                });
            }
        });
        Self { port, connections }
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let version = request.version();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let body = body.unwrap_or_default();
    Ok(Response::new(Full::new(Bytes::from([format!("{version:?} ").as_bytes(), &body].concat()))))
}

/// A proxy that tunnels whatever it is asked for to one port of this machine, and keeps what it was asked.
async fn proxy(to: u16) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, asks) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                asked.send(String::from_utf8(head).unwrap()).unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    (port, asks)
}

async fn ask(transport: &Transport, url: String) -> Result<(Version, Vec<u8>), Fault> {
    let request = Request::post(url).body(Bytes::from_static(b"hello")).unwrap();
    let answer = transport.ask(request).await?;
    let version = answer.version();
    let body =
        answer.into_body().try_fold(Vec::new(), |all, piece| async move { Ok([&all[..], &piece].concat()) });
    Ok((version, body.await.map_err(|error| Fault { not_sent: false, words: error.to_string() })?))
}

fn direct() -> Transport {
    Transport::new(Some(&SecretString::from("http://proxy.invalid:1")), None).unwrap()
}

#[tokio::test]
async fn the_protocol_is_the_best_the_server_offers() {
    let certificate = Certificate::new();
    let transport = Transport::new(None, Some(&certificate.bundle())).unwrap();
    for (protocols, version) in [
        (&[&b"h2"[..], b"http/1.1"][..], Version::HTTP_2),
        (&[b"http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let server = Server::start(Some(certificate.acceptor(protocols))).await;
        let url = format!("https://localhost:{}/", server.port);
        for _ in 0..3 {
            let (answered, body) = ask(&transport, url.clone()).await.unwrap();
            assert_eq!((answered, body), (version, format!("{version:?} hello").into_bytes()));
        }
        assert_eq!(server.connections.load(Ordering::Acquire), 1, "{version:?}: connections are kept");
    }
}

#[tokio::test]
async fn only_the_bundle_is_trusted_where_there_is_one() {
    let (trusted, other) = (Certificate::new(), Certificate::new());
    let server = Server::start(Some(other.acceptor(&[]))).await;
    let transport = Transport::new(None, Some(&trusted.bundle())).unwrap();
    let fault = ask(&transport, format!("https://localhost:{}/", server.port)).await.unwrap_err();
    assert!(fault.not_sent && fault.words.contains("certificate"), "{fault:?}");
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_and_sees_no_more() {
    let certificate = Certificate::new();
    let server = Server::start(Some(certificate.acceptor(&[b"h2"]))).await;
    let (port, mut asks) = proxy(server.port).await;
    let given = SecretString::from(format!("http://user:canary@127.0.0.1:{port}"));
    let transport = Transport::new(Some(&given), Some(&certificate.bundle())).unwrap();
    let (version, body) = ask(&transport, "https://api.example/secret?x=y".to_owned()).await.unwrap();
    assert_eq!((version, body), (Version::HTTP_2, b"HTTP/2.0 hello".to_vec()));
    let asked = asks.recv().await.unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("connect api.example:443 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic dxnlcjpjyw5hcnk=\r\n"), "{asked}");
    assert!(!asked.contains("secret"), "{asked}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_request_that_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
    });
    let given = SecretString::from(format!("http://user:canary@127.0.0.1:{port}"));
    let transport = Transport::new(Some(&given), None).unwrap();
    let fault = ask(&transport, "https://api.example/".to_owned()).await.unwrap_err();
    assert!(fault.not_sent && !fault.words.contains("canary"), "{fault:?}");
}

#[tokio::test]
async fn this_machine_is_reached_past_the_proxy() {
    let server = Server::start(None).await;
    let (_, body) = ask(&direct(), format!("http://127.0.0.1:{}/", server.port)).await.unwrap();
    assert_eq!(body, b"HTTP/1.1 hello");
}

#[tokio::test]
async fn nobody_there_is_a_request_that_was_not_sent() {
    // Bound, and nobody listens: the port stays taken, and refuses.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = taken.local_addr().unwrap().port();
    let fault = ask(&direct(), format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(fault.not_sent, "{fault:?}");
}

/// Answers the first request of each connection, closes its side, and tells when the other side is closed too.
async fn closing(said: &'static str) -> (u16, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (gone, over) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"hello") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(said.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = stream.read(&mut [0; 1]).await;
            let _ = gone.send(());
        }
    });
    (port, over)
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_costs_no_call() {
    let (port, mut over) = closing("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let transport = direct();
    for _ in 0..5 {
        let (_, body) = ask(&transport, format!("http://127.0.0.1:{port}/")).await.unwrap();
        assert_eq!(body, b"ok");
        over.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_answer_may_have_brought_the_request() {
    let (port, _over) = closing("").await;
    let fault = ask(&direct(), format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(!fault.not_sent, "{fault:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_taken_for_whole() {
    for broken in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n",
    ] {
        let (port, _over) = closing(broken).await;
        let fault = ask(&direct(), format!("http://127.0.0.1:{port}/")).await.unwrap_err();
        assert!(!fault.not_sent && !fault.words.is_empty(), "{fault:?}");
    }
}
