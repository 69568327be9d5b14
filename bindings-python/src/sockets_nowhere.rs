//! Windows has no socket pair, and its usual event loop watches no descriptors.

use std::io::{Error, ErrorKind, Result};

/// There is none, ever.
pub(crate) enum Sockets {}

impl Sockets {
    pub(crate) fn pair() -> Result<(i32, Self)> {
        Err(Error::from(ErrorKind::Unsupported))
    }

    pub(crate) fn ring(&self) {
        match *self {}
    }

    pub(crate) fn silence(&self) {
        match *self {}
    }
}
