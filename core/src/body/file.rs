//! A file, read while it is sent.

use std::io;
use std::path::PathBuf;

use futures::StreamExt;
use futures::future::BoxFuture;
use tokio_util::io::ReaderStream;

use super::{Opened, Source};

/// Read at once. Each piece is a trip to a thread that may block, so they are not small.
const PIECE: usize = 128 * 1024;

pub(super) struct File {
    path: PathBuf,
}

impl File {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{:?}: {error}", self.path))
    }
}

impl Source for File {
    fn open(&self) -> BoxFuture<'_, io::Result<Opened>> {
        Box::pin(async move {
            let file = tokio::fs::File::open(&self.path).await.map_err(|error| self.named(&error))?;
            let found = file.metadata().await.map_err(|error| self.named(&error))?;
            if found.is_dir() {
                return Err(self.named(&io::ErrorKind::IsADirectory.into()));
            }
            // Pipes and devices tell no length.
            let length = found.is_file().then_some(found.len());
            Ok(Opened { stream: ReaderStream::with_capacity(file, PIECE).boxed(), length })
        })
    }
}
