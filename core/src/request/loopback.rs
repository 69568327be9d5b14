//! A server on this machine that answers as a script says, one reply for each connection, and keeps what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::lock::lock;

/// What the server does with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Reads the request, writes these bytes, closes.
    Raw(Vec<u8>),
    /// Reads the request, then resets the connection.
    Reset,
    /// Reads the request and never answers.
    Hang,
    /// Reads the request, writes these bytes and then nothing more.
    Stall(Vec<u8>),
    /// Reads nothing at all.
    Deaf,
}

/// An answer with a body.
pub(crate) fn reply(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    Reply::Raw([head.as_bytes(), body].concat())
}

/// The server. Requests beyond the script hang.
pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    gone: Arc<Notify>,
}

impl Server {
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        Self::start_at(|_| script).await
    }

    /// With a script that knows the server's port.
    pub(crate) async fn start_at(script: impl FnOnce(u16) -> Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = script(port);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let gone = Arc::new(Notify::new());
        let (kept, left) = (Arc::clone(&requests), Arc::clone(&gone));
        tokio::spawn(async move {
            let mut script = script.into_iter();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let reply = script.next().unwrap_or(Reply::Hang);
                tokio::spawn(serve(stream, reply, Arc::clone(&kept), Arc::clone(&left)));
            }
        });
        Self { port, requests, gone }
    }

    /// Waits until a client has left a [`Reply::Stall`].
    pub(crate) async fn abandoned(&self) {
        self.gone.notified().await;
    }

    /// What came, each request with its head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, kept: Arc<Mutex<Vec<String>>>, gone: Arc<Notify>) {
    if matches!(reply, Reply::Deaf) {
        return std::future::pending().await;
    }
    let Some(request) = read(&mut stream).await else { return };
    lock(&kept).push(request);
    match reply {
        Reply::Raw(bytes) => {
            // A client that has read enough may be gone already.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Reset => stream.set_zero_linger().unwrap(),
        Reply::Stall(bytes) => {
            stream.write_all(&bytes).await.unwrap();
            // Until the client goes away.
            let _ = stream.read_u8().await;
            gone.notify_one();
        }
        Reply::Hang | Reply::Deaf => std::future::pending().await,
    }
}

/// A whole request; `None` when the connection ends before.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned))
                .map_or(0, |length| length.trim().parse().unwrap());
            let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
            let whole = if chunked { body.ends_with("0\r\n\r\n") } else { body.len() >= length };
            if whole {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
