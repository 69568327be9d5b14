use super::*;

async fn read(outgoing: Outgoing) -> io::Result<Vec<u8>> {
    outgoing.try_fold(Vec::new(), |all, piece| async move { Ok([&all[..], &piece].concat()) }).await
}

async fn sent(body: &Body) -> (io::Result<Vec<u8>>, Arc<Progress>) {
    let (outgoing, progress) = Outgoing::open(Some(body)).await.unwrap();
    (read(outgoing).await, progress)
}

fn pieces(pieces: &'static [&'static str]) -> ByteStream {
    stream::iter(pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes())))).boxed()
}

#[tokio::test]
async fn a_stream_is_spent_by_its_first_byte_and_not_by_being_opened() {
    let body = Body::once(pieces(&["a", "b"]), Some(2));
    for _ in 0..2 {
        let (outgoing, progress) = Outgoing::open(Some(&body)).await.unwrap();
        assert_eq!((outgoing.length(), progress.begun(), body.is_spent()), (Some(2), false, false));
    }
    let (all, progress) = sent(&body).await;
    assert_eq!((all.unwrap(), progress.moved(), body.is_spent()), (b"ab".to_vec(), 2, true));
    assert!(!body.is_rewindable());
    let (again, progress) = sent(&body).await;
    assert!(again.is_err());
    assert!(progress.failure().unwrap().to_string().contains("once"));
}

#[tokio::test]
async fn parts_follow_one_another_and_their_lengths_add_up() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "file").unwrap();
    let fixed =
        [Body::from(Bytes::from_static(b"<")), Body::file(file.path()), Bytes::from_static(b">").into()];
    let whole = Body::Chain(fixed.clone().into());
    for _ in 0..2 {
        let (outgoing, _) = Outgoing::open(Some(&whole)).await.unwrap();
        assert_eq!(outgoing.length(), Some(6));
        assert_eq!(read(outgoing).await.unwrap(), b"<file>");
    }
    assert!(whole.is_rewindable() && whole.is_streamed() && !whole.is_spent());
    let open_ended = Body::Chain([&fixed[..], &[Body::once(pieces(&["x"]), None)]].concat().into());
    let (outgoing, _) = Outgoing::open(Some(&open_ended)).await.unwrap();
    assert_eq!((outgoing.length(), open_ended.is_rewindable()), (None, false));
    assert_eq!(read(outgoing).await.unwrap(), b"<file>x");
}

#[tokio::test]
async fn a_length_that_does_not_hold_breaks_the_body_off() {
    for (given, length, words) in [("ab", 3, "shorter"), ("abc", 2, "longer")] {
        let stream = stream::iter([Ok(Bytes::from_static(given.as_bytes()))]).boxed();
        let (all, progress) = sent(&Body::once(stream, Some(length))).await;
        assert!(all.is_err());
        assert!(progress.failure().unwrap().to_string().contains(words));
    }
}

#[tokio::test]
async fn what_cannot_be_opened_names_itself() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("absent"), folder.path().to_owned()] {
        let Err(error) = Outgoing::open(Some(&Body::file(&path))).await else { panic!("{path:?} opens") };
        assert!(error.to_string().contains(&format!("{path:?}")), "{error}");
    }
}

#[tokio::test]
async fn an_empty_body_counts_as_begun() {
    for body in [None, Some(Body::from(Bytes::new()))] {
        let (outgoing, progress) = Outgoing::open(body.as_ref()).await.unwrap();
        assert_eq!((outgoing.length(), progress.begun()), (Some(0), true));
        assert_eq!(read(outgoing).await.unwrap(), b"");
    }
}
