//! A body whose pieces somebody else has, and hands over when they are asked for: an event loop, mostly.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream;
use tokio::sync::{mpsc, oneshot};

use super::{Body, ByteStream, Opened, Source};
use crate::lock::lock;

/// A piece, or nothing at the end.
type Piece = io::Result<Option<Bytes>>;

struct Question {
    first: bool,
    answer: oneshot::Sender<Piece>,
}

/// The end where pieces go in. It is told when one is wanted, so nothing is read that nobody waits for.
pub struct Feed {
    questions: tokio::sync::Mutex<mpsc::Receiver<Question>>,
    asked: Mutex<Option<oneshot::Sender<Piece>>>,
}

/// A body and its feed. `rewinds`: it can be asked for its first piece again.
pub fn feed(length: Option<u64>, rewinds: bool) -> (Body, Feed) {
    let (ask, questions) = mpsc::channel(1);
    let body =
        if rewinds { Body::Source(Arc::new(Fed { ask, length })) } else { Body::once(pieces(ask), length) };
    (body, Feed { questions: tokio::sync::Mutex::new(questions), asked: Mutex::new(None) })
}

struct Fed {
    ask: mpsc::Sender<Question>,
    length: Option<u64>,
}

impl Source for Fed {
    fn open(&self) -> BoxFuture<'_, io::Result<Opened>> {
        let opened = Opened { stream: pieces(self.ask.clone()), length: self.length };
        Box::pin(std::future::ready(Ok(opened)))
    }
}

fn pieces(ask: mpsc::Sender<Question>) -> ByteStream {
    let pieces = stream::try_unfold((ask, true), |(ask, first)| async move {
        let gone = || io::Error::other("whoever was to read it has gone");
        let (answer, piece) = oneshot::channel();
        ask.send(Question { first, answer }).await.map_err(|_| gone())?;
        let piece = piece.await.map_err(|_| gone())??;
        Ok(piece.map(|piece| (piece, (ask, false))))
    });
    pieces.boxed()
}

impl Feed {
    /// Waits until a piece is wanted: `Some(true)` if it is the first one, once more or for the first time. `None` when
    /// no piece will be wanted any more.
    pub async fn asked(&self) -> Option<bool> {
        let mut questions = self.questions.lock().await;
        loop {
            let Question { first, answer } = questions.recv().await?;
            // An attempt that was given up may leave a question behind.
            if !answer.is_closed() {
                *lock(&self.asked) = Some(answer);
                return Some(first);
            }
        }
    }

    /// Hands the piece over that was asked for: `None` at the end, an error where it cannot be read.
    pub fn answer(&self, piece: io::Result<Option<Bytes>>) {
        if let Some(asked) = lock(&self.asked).take() {
            // Nobody may be waiting any more.
            let _ = asked.send(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    async fn serve(feed: Feed) -> Vec<bool> {
        let (mut asked, mut next) = (Vec::new(), 0);
        while let Some(first) = feed.asked().await {
            asked.push(first);
            next = if first { 1 } else { next + 1 };
            feed.answer(Ok((next < 3).then(|| Bytes::from(vec![next]))));
        }
        asked
    }

    #[tokio::test]
    async fn pieces_are_asked_for_one_by_one_and_from_the_beginning_for_each_attempt() {
        let (body, feed) = feed(Some(2), true);
        let served = tokio::spawn(serve(feed));
        for _ in 0..2 {
            let opened = body.open().await.unwrap();
            let all: Vec<Bytes> = opened.stream.try_collect().await.unwrap();
            assert_eq!((all.concat(), opened.length), (vec![1, 2], Some(2)));
        }
        drop(body);
        assert_eq!(served.await.unwrap(), [true, false, false, true, false, false]);
    }

    #[tokio::test]
    async fn a_question_nobody_waits_for_is_not_put() {
        let (body, feed) = feed(None, true);
        let mut given_up = body.open().await.unwrap().stream;
        assert!(futures::poll!(given_up.next()).is_pending());
        drop(given_up);
        let mut stream = body.open().await.unwrap().stream;
        let (piece, asked) = tokio::join!(stream.next(), async {
            let asked = feed.asked().await;
            feed.answer(Ok(Some(Bytes::from_static(b"x"))));
            asked
        });
        assert_eq!((piece.unwrap().unwrap(), asked), (Bytes::from_static(b"x"), Some(true)));
    }

    #[tokio::test]
    async fn a_feed_that_goes_away_breaks_the_body_off() {
        let (body, feed) = feed(None, false);
        drop(feed);
        assert!(body.open().await.unwrap().stream.next().await.unwrap().is_err());
    }
}
