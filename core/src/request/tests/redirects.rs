//! Files behind signed addresses on another host (F5.7).

use super::*;

fn file() -> Run {
    let mut run = call("GET");
    run.options.path = "/rest/api/3/attachment/content/1".into();
    run
}

fn to(port: u16, status: u16) -> Reply {
    let place = format!("location: http://127.0.0.1:{port}/file/1/binary?token=canary\r\n");
    reply(status, &place, "")
}

#[tokio::test]
async fn a_file_is_fetched_without_the_token_and_without_the_callers_headers() {
    for status in [302, 303] {
        let media = Server::start(vec![reply(206, "content-range: bytes 0-4/9\r\n", "begun")]).await;
        let mut run = file();
        let headers = json!({ "Range": "bytes=0-4", "X-Own": "canary", "Accept": "image/*" });
        run.options.headers = headers.as_object().cloned();
        let (result, requests) = run.against(vec![to(media.port, status)]).await;
        let response = result.unwrap();
        assert_eq!((response.status, &response.body[..], response.attempts), (206, &b"begun"[..], 2));
        assert_eq!(response.url, format!("http://127.0.0.1:{}/file/1/binary", media.port));
        assert!(requests[0].contains("Bearer token-1"));
        let asked = &media.requests()[0];
        assert!(asked.starts_with("GET /file/1/binary?token=canary HTTP/1.1\r\n"), "{asked}");
        for line in ["range: bytes=0-4\r\n", "accept: image/*\r\n", "accept-encoding: identity\r\n"] {
            assert!(asked.contains(line), "{asked}");
        }
        for word in ["authorization", "Bearer", "x-own", "cookie", "referer"] {
            assert!(!asked.contains(word), "{asked}");
        }
        assert!(!format!("{response:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_file_may_be_streamed() {
    let media = Server::start(vec![reply(200, "", "0".repeat(300_000))]).await;
    let mut run = file();
    run.options.stream = true;
    let mut response = run.against(vec![to(media.port, 303)]).await.0.unwrap();
    let (mut download, mut length) = (response.download(), 0);
    while let Some(piece) = download.next().await.unwrap() {
        length += piece.len();
    }
    assert_eq!(length, 300_000);
}

#[tokio::test]
async fn what_the_other_host_answers_says_nothing_of_the_token() {
    for status in [401, 403, 404] {
        let media = Server::start(vec![reply(status, "", ""), ok()]).await;
        let run = file();
        let (result, _) = run.against(vec![to(media.port, 303)]).await;
        assert_eq!((result.unwrap().status, run.replaced(), media.requests().len()), (status, 0, 1));
    }
    let media = Server::start(vec![reply(503, "", ""), reply(200, "", "at last")]).await;
    let response = file().against(vec![to(media.port, 303)]).await.0.unwrap();
    assert_eq!((response.attempts, response.history.len(), &response.body[..]), (3, 1, &b"at last"[..]));
}

#[tokio::test]
async fn a_redirect_to_nowhere_good_is_refused_before_anything_is_sent_there() {
    let place = "location: http://media.example/file?token=canary\r\n";
    let (found, error) = code(file().against(vec![reply(303, place, "")]).await.0);
    assert_eq!(found, Code::DestinationRefused);
    assert!(error.message().contains("not https") && !format!("{error:?}").contains("canary"), "{error:?}");

    let round = Server::start_at(|port| (0..9).map(|_| to(port, 302)).collect()).await;
    let (found, error) = code(file().to(round.port).await);
    assert_eq!((found, round.requests().len()), (Code::DestinationRefused, 6), "{error}");
}

#[tokio::test]
async fn every_other_redirect_is_an_answer() {
    let media = Server::start(vec![ok()]).await;
    for (method, path) in [
        ("DELETE", "/rest/api/3/field/1"),
        ("GET", "/rest/api/3/task/1"),
        ("GET", "/rest/api/3/attachment/1"),
        ("POST", "/rest/api/3/attachment/content/1"),
    ] {
        let mut run = call(method);
        run.options.path = path.into();
        let response = run.against(vec![to(media.port, 303)]).await.0.unwrap();
        assert!(response.status == 303 && response.header("location").is_some());
    }
    let response = file().against(vec![reply(304, "", "")]).await.0.unwrap();
    assert_eq!((response.status, media.requests().len()), (304, 0));
}
