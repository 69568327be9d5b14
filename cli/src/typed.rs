//! What a person types, or a program writes, when it is asked.

use std::io;

use crate::{Failure, Outcome};

/// A line from standard input, without holding the runtime; `None` at its end.
pub(crate) async fn read_line() -> Outcome<Option<String>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let count = io::stdin().read_line(&mut line)?;
        Ok((count > 0).then(|| line.trim().to_owned()))
    });
    let line = read.await.map_err(|_| Failure::Interrupted)?;
    line.map_err(|error| Failure::Io("reading standard input".to_owned(), error))
}
