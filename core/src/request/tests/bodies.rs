//! What goes out with a call, and what arrives, piece by piece.

use std::io;
use std::sync::atomic::AtomicUsize;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use futures::StreamExt;
use tokio::io::AsyncReadExt;

use super::*;
use crate::Upload;
use crate::body::{Body, Opened, Source};

fn upload(files: Vec<Upload>) -> Run {
    let mut run = call("POST");
    run.options.path = "/rest/api/3/issue/A-1/attachments".into();
    run.options.files = Some(files);
    run
}

/// Four pieces that can be read once. Says how many were.
fn once(length: Option<u64>) -> (Upload, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let pieces = futures::stream::iter(["one ", "two ", "three ", "four"]).map(move |piece| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from_static(piece.as_bytes()))
    });
    (Upload::new(Body::once(pieces.boxed(), length)), read)
}

fn failing() -> Upload {
    let pieces = [Ok(Bytes::from_static(b"begun")), Err(io::Error::other("the disk is gone"))];
    Upload::new(Body::once(futures::stream::iter(pieces).boxed(), Some(100)))
}

#[tokio::test]
async fn a_form_is_written_as_browsers_do() {
    let mut run = call("POST");
    run.options.form = json!({ "a b": "c&d=ü", "list": [1, true], "none": null }).as_object().cloned();
    let (result, requests) = run.against(vec![ok()]).await;
    assert!(result.is_ok());
    assert!(requests[0].contains("content-type: application/x-www-form-urlencoded\r\n"), "{}", requests[0]);
    assert!(requests[0].ends_with("\r\n\r\na+b=c%26d%3D%C3%BC&list=1&list=true"), "{}", requests[0]);
}

#[tokio::test]
async fn a_call_has_one_body() {
    let empty = || json!({}).as_object().cloned();
    let mut runs = [write(), write(), call("POST"), upload(Vec::new())];
    runs[0].options.form = empty();
    runs[1].options.files = Some(Vec::new());
    runs[2].options.data = Some(Bytes::new());
    runs[2].options.form = empty();
    runs[3].options.headers = json!({ "Content-Type": "text/plain" }).as_object().cloned();
    for run in runs {
        let (result, requests) = run.against(vec![ok()]).await;
        assert_eq!((code(result).0, requests.len()), (Code::InvalidArgument, 0));
    }
}

#[tokio::test]
async fn files_go_with_their_length_and_the_header_jira_asks_for() {
    let mut run = upload(vec![Bytes::from_static(b"content").into()]);
    run.options.form = json!({ "comment": "hello" }).as_object().cloned();
    let (result, requests) = run.against(vec![ok()]).await;
    assert!(result.is_ok());
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.contains("x-atlassian-token: no-check"), "{head}");
    assert!(head.contains("content-type: multipart/form-data; boundary=threelo-"), "{head}");
    assert!(head.contains(&format!("content-length: {}", body.len())) && !head.contains("chunked"), "{head}");
    assert!(body.contains("name=\"comment\"\r\n\r\nhello\r\n"), "{body}");
    assert!(body.contains("name=\"file\"; filename=\"file\"\r\n"), "{body}");
}

#[tokio::test]
async fn a_stream_without_a_length_goes_in_chunks_and_one_with_a_length_does_not() {
    for (length, chunked) in [(None, true), (Some(18), false)] {
        let (result, requests) = upload(vec![once(length).0]).against(vec![ok()]).await;
        assert!(result.is_ok());
        assert_eq!(requests[0].contains("transfer-encoding: chunked"), chunked, "{}", requests[0]);
        assert_eq!(requests[0].contains("one two three four"), !chunked, "{}", requests[0]);
        assert!(requests[0].contains("three "), "{}", requests[0]);
    }
}

#[tokio::test]
async fn a_file_is_sent_anew_as_often_as_it_takes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "content").unwrap();
    let rejected = reply(401, "", r#"{"code":401,"message":"Unauthorized"}"#);
    for first in [rejected, reply(429, "", "")] {
        let (result, requests) = upload(vec![Upload::path(file.path())]).against(vec![first, ok()]).await;
        assert_eq!((result.unwrap().status, requests.len()), (200, 2));
        assert!(requests.iter().all(|request| request.contains("\r\n\r\ncontent\r\n")));
    }
}

#[tokio::test]
async fn a_file_that_is_gone_by_the_next_attempt_does_not_hide_that_the_first_may_have_run() {
    /// A file that somebody removes after it was read once.
    struct Removed(AtomicU32);
    impl Source for Removed {
        fn open(&self) -> BoxFuture<'_, io::Result<Opened>> {
            let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
            let stream = futures::stream::iter([Ok(Bytes::from_static(b"file"))]).boxed();
            let gone = || io::Error::from(io::ErrorKind::NotFound);
            let opened = if first { Ok(Opened { stream, length: Some(4) }) } else { Err(gone()) };
            Box::pin(futures::future::ready(opened))
        }
    }
    for (first, expected) in
        [(Reply::Reset, Code::OutcomeUnknown), (reply(429, "retry-after: 0\r\n", ""), Code::InvalidArgument)]
    {
        let mut run = upload(vec![Upload::new(Body::Source(Arc::new(Removed(AtomicU32::new(0)))))]);
        run.options.retry = Retry::Idempotent;
        let (code, error) = code(run.against(vec![first, ok()]).await.0);
        assert_eq!(code, expected, "{error}");
    }
}

/// A pipe that nobody writes to: opening it waits for them.
#[tokio::test]
async fn a_file_that_never_opens_is_given_up_unsent() {
    struct Never;
    impl Source for Never {
        fn open(&self) -> BoxFuture<'_, io::Result<Opened>> {
            Box::pin(futures::future::pending())
        }
    }
    let mut run = upload(vec![Upload::new(Body::Source(Arc::new(Never)))]);
    run.timeout = Duration::from_millis(200);
    let call = tokio::time::timeout(Duration::from_secs(20), run.against(vec![ok()]));
    let (result, requests) = call.await.unwrap();
    let (code, error) = code(result);
    assert_eq!((code, requests.len()), (Code::Timeout, 0), "{error}");
}

#[tokio::test]
async fn a_stream_that_was_begun_is_never_sent_twice() {
    let rejected = reply(401, "", r#"{"code":401,"message":"Unauthorized"}"#);
    let later = reply(503, "retry-after: 0\r\n", "");
    for (first, status) in [(rejected, 401), (reply(429, "", ""), 429), (later, 503)] {
        for retry in [Retry::Safe, Retry::Idempotent] {
            let (file, read) = once(None);
            let mut run = upload(vec![file]);
            run.options.retry = retry;
            let (result, requests) = run.against(vec![first.clone(), ok()]).await;
            assert_eq!((result.unwrap().status, requests.len()), (status, 1));
            assert_eq!(read.load(Ordering::SeqCst), 4);
            // The next call has a better token all the same.
            assert_eq!(run.replaced(), u32::from(status == 401));
        }
    }
    let mut run = upload(vec![once(None).0]);
    run.options.retry = Retry::Idempotent;
    let (result, requests) = run.against(vec![Reply::Reset, ok()]).await;
    assert_eq!((code(result).0, requests.len()), (Code::OutcomeUnknown, 1));
}

#[tokio::test]
async fn a_stream_that_was_not_begun_is_still_whole() {
    let (_taken, port) = refusing();
    let (file, read) = once(None);
    let mut run = upload(vec![file]);
    // All repetitions, with the longest pauses between them, take less.
    run.timeout = Duration::from_secs(60);
    run.options.timeout = Some(run.timeout);
    assert_eq!(code(run.to(port).await).0, Code::Network);
    assert_eq!(read.load(Ordering::SeqCst), 0);
    let server = Server::start(vec![ok()]).await;
    assert_eq!(run.to(server.port).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_the_callers_fault_and_nothing_happened() {
    let folder = tempfile::tempdir().unwrap();
    let run = upload(vec![Upload::path(folder.path().join("absent"))]);
    let (result, requests) = run.against(vec![ok()]).await;
    let (found, error) = code(result);
    assert_eq!((found, requests.len()), (Code::InvalidArgument, 0));
    assert!(error.message().contains("absent") && error.context()["option"] == "files", "{error}");

    let (result, requests) = upload(vec![failing()]).against(vec![ok()]).await;
    let (found, error) = code(result);
    assert_eq!((found, requests.len()), (Code::InvalidArgument, 0), "{error}");
    assert!(error.message().contains("the disk is gone"), "{error}");
}

#[tokio::test]
async fn a_body_that_moves_has_the_time_it_needs_unless_the_call_was_given_a_time() {
    const TIME: Duration = Duration::from_secs(3);
    // It moves a hundred times a second, and takes longer than that.
    let slow = || {
        let pieces = futures::stream::iter(0..350).then(|_| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Ok(Bytes::from_static(b"slow"))
        });
        Body::once(pieces.boxed(), None)
    };
    let run = async |body, given| {
        let mut run = upload(vec![Upload::new(body)]);
        run.timeout = TIME;
        run.options.timeout = given;
        run.against(vec![ok()]).await.0
    };
    let still = Body::once(futures::stream::pending().boxed(), None);
    let (moves, given_a_time, stands_still) =
        tokio::join!(run(slow(), None), run(slow(), Some(TIME)), run(still, None));
    assert!(moves.is_ok(), "{:?}", moves.err());
    assert_eq!(code(given_a_time).0, Code::OutcomeUnknown);
    assert_eq!(code(stands_still).0, Code::OutcomeUnknown);
}

#[tokio::test]
async fn a_server_that_does_not_read_holds_the_source_up() {
    const PIECE: usize = 64 * 1024;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let pieces = futures::stream::iter(0..4096).map(move |_| {
        counted.fetch_add(PIECE, Ordering::SeqCst);
        Ok(Bytes::from(vec![0; PIECE]))
    });
    let mut run = upload(vec![Upload::new(Body::once(pieces.boxed(), None))]);
    run.timeout = Duration::from_secs(3);
    run.options.timeout = Some(run.timeout);
    assert_eq!(code(run.against(vec![Reply::Deaf]).await.0).0, Code::OutcomeUnknown);
    // What the sockets of this machine hold, of 256 MB.
    assert!(read.load(Ordering::SeqCst) < 32 << 20, "{read:?}");
}

fn streamed() -> Run {
    let mut run = call("GET");
    run.options.stream = true;
    run
}

async fn rest(response: &mut Response) -> (Vec<u8>, Option<Error>) {
    let mut download = response.download();
    let mut all = Vec::new();
    loop {
        match download.next().await {
            Ok(Some(piece)) => all.extend_from_slice(&piece),
            Ok(None) => return (all, None),
            Err(error) => {
                let again = download.next().await.unwrap_err();
                assert_eq!(again.code(), error.code(), "an error is never followed by an end");
                return (all, Some(error));
            }
        }
    }
}

#[tokio::test]
async fn a_streamed_answer_may_be_larger_than_what_fits_into_memory() {
    let whole = "0".repeat(300_000);
    let mut response = streamed().against(vec![reply(200, "", &whole)]).await.0.unwrap();
    assert!(response.is_streamed() && response.body.is_empty());
    let (all, error) = rest(&mut response).await;
    assert_eq!((all.len(), error.is_none(), response.is_streamed()), (300_000, true, false));
}

#[tokio::test]
async fn an_answer_that_is_no_success_is_read_whole() {
    let denied = reply(403, "", r#"{"errorMessages":["not you"]}"#);
    let mut response = streamed().against(vec![denied]).await.0.unwrap();
    assert!(!response.is_streamed());
    assert!(response.error_for_status().unwrap_err().message().contains("not you"));
    assert_eq!(rest(&mut response).await.0, br#"{"errorMessages":["not you"]}"#);
    let rejected = reply(401, "", r#"{"code":401,"message":"Unauthorized"}"#);
    let run = streamed();
    let mut response = run.against(vec![rejected, reply(200, "", "healed")]).await.0.unwrap();
    assert_eq!((rest(&mut response).await.0, run.replaced()), (b"healed".to_vec(), 1));
}

async fn compressed(kind: &str, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match kind {
        "gzip" => GzipEncoder::new(text).read_to_end(&mut out).await,
        "br" => BrotliEncoder::new(text).read_to_end(&mut out).await,
        _ => ZstdEncoder::new(text).read_to_end(&mut out).await,
    }
    .unwrap();
    out
}

#[tokio::test]
async fn compressed_answers_are_what_they_were_before() {
    let text: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    for kind in ["gzip", "br", "zstd"] {
        let packed = compressed(kind, &text).await;
        let header = format!("content-encoding: {kind}\r\n");
        let mut response = streamed().against(vec![reply(200, &header, &packed)]).await.0.unwrap();
        assert_eq!((response.header("content-encoding"), response.header("content-length")), (None, None));
        assert_eq!(rest(&mut response).await.0, text, "{kind}");
        let mut run = call("GET");
        run.max_body_bytes = 300_000;
        let response = run.against(vec![reply(200, &header, &packed)]).await.0.unwrap();
        assert_eq!(response.body, text, "{kind}");
        let response = call("GET").against(vec![reply(200, &header, "")]).await.0.unwrap();
        assert!(response.body.is_empty(), "an empty body is not compressed");
    }
    let (_, requests) = call("GET").against(vec![ok()]).await;
    assert!(requests[0].contains("accept-encoding: gzip, br, zstd\r\n"), "{}", requests[0]);
    let unknown = reply(200, "content-encoding: zip\r\n", "as it is");
    let response = call("GET").against(vec![unknown]).await.0.unwrap();
    assert_eq!((response.header("content-encoding"), &response.body[..]), (Some("zip"), &b"as it is"[..]));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_and_never_an_end() {
    let text: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut cut = vec![
        Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun".to_vec()),
        Reply::Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbegun\r\n".to_vec()),
        Reply::Raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nbegun".to_vec()),
    ];
    for kind in ["gzip", "br", "zstd"] {
        // The transport sees a proper end.
        let packed = compressed(kind, &text).await;
        let header = format!("content-encoding: {kind}\r\n");
        cut.push(reply(200, &header, &packed[..packed.len() - 9]));
        cut.push(reply(200, &header, "not compressed at all"));
    }
    for reply in cut {
        let mut response = streamed().against(vec![reply.clone()]).await.0.unwrap();
        let (_, error) = rest(&mut response).await;
        let error = error.unwrap_or_else(|| panic!("{reply:?} ends"));
        assert_eq!((error.code(), error.status()), (Code::ResponseTruncated, Some(200)), "{error}");
        assert_eq!(error.context()["path"], "/rest/api/3/x");
        let mut run = call("GET");
        run.options.retry = Retry::None;
        run.max_body_bytes = 300_000;
        assert_eq!(code(run.against(vec![reply]).await.0).0, Code::ResponseTruncated);
    }
}

#[tokio::test]
async fn an_answer_that_stands_still_is_given_up() {
    let stalled = Reply::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun".to_vec());
    let mut run = streamed();
    run.timeout = Duration::from_secs(3);
    let mut response = run.against(vec![stalled]).await.0.unwrap();
    let (all, error) = rest(&mut response).await;
    assert_eq!((&all[..], error.unwrap().code()), (&b"begun"[..], Code::Timeout));
}

#[tokio::test]
async fn who_lets_go_of_a_call_lets_go_of_its_source_and_of_its_connection() {
    struct Told(Option<tokio::sync::oneshot::Sender<()>>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.take().map(|told| told.send(()));
        }
    }
    let (dropped, was_dropped) = tokio::sync::oneshot::channel();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let held = Told(Some(dropped));
    let pieces = futures::stream::once(async move {
        let _held = held;
        let _ = begun.send(());
        std::future::pending().await
    });
    let run = upload(vec![Upload::new(Body::once(pieces.boxed(), None))]);
    let task = tokio::spawn(async move { run.against(vec![ok()]).await.0.map(drop) });
    has_begun.await.unwrap();
    task.abort();
    was_dropped.await.unwrap();

    let server =
        Server::start(vec![Reply::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec())]).await;
    let response = streamed().to(server.port).await.unwrap();
    drop(response);
    server.abandoned().await;
}
