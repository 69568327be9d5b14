//! A sandbox process and its control API.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A running sandbox; it ends with this value.
#[derive(Debug)]
pub(crate) struct Sandbox {
    process: Child,
    pub(crate) url: String,
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/threelo-sandbox");
        let program = std::env::var("THREELO_SANDBOX").unwrap_or_else(|_| built.to_owned());
        let mut process = Command::new(&program)
            .args(["--port", "0"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|why| {
                panic!("{program} does not start ({why}); build it or set THREELO_SANDBOX")
            });
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { process, url: said["url"].as_str().unwrap().to_owned() }
    }

    /// Lets go whoever still waits for an answer.
    pub(crate) fn stop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One request outside the client under test, on a plain socket: what is being proven should not be what proves it.
pub(crate) async fn send(base: &str, method: &str, path: &str, body: Option<Value>) -> Result<Value, String> {
    let host = base.strip_prefix("http://").unwrap().to_owned();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        let mut socket = TcpStream::connect(host)?;
        socket.set_read_timeout(Some(Duration::from_secs(15)))?;
        socket.write_all(request.as_bytes())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    });
    let answer = answer.await.unwrap().map_err(|why| format!("{method} {path}: {why}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("{method} {path}: {answer}"))?;
    if !head.starts_with("HTTP/1.1 2") {
        return Err(format!("{method} {path}: {head}\n{body}"));
    }
    if body.is_empty() { Ok(json!(null)) } else { serde_json::from_str(body).map_err(|why| why.to_string()) }
}
