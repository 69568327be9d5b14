//! A socket pair that an event loop watches.

use std::io::{Read, Result, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// The loop reads from the first; the workers write to the second.
pub(crate) struct Sockets(UnixStream, UnixStream);

impl Sockets {
    /// A pair, and the descriptor to be watched.
    pub(crate) fn pair() -> Result<(i32, Self)> {
        let (end, other) = UnixStream::pair()?;
        end.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok((end.as_raw_fd(), Self(end, other)))
    }

    /// Wakes the loop.
    pub(crate) fn ring(&self) {
        // A full buffer means that the bell is ringing already.
        drop((&self.1).write(&[1]));
    }

    /// Nothing to be read until it is rung again.
    pub(crate) fn silence(&self) {
        let mut rung = [0; 16];
        while matches!((&self.0).read(&mut rung), Ok(read) if read == rung.len()) {}
    }
}
