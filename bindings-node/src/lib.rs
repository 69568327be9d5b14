//! The native half of the Node package: data in, data out. Behaviour and defaults live in `threelo-core`; names,
//! classes and documentation live in `src-ts/`.
//!
//! A call is started with a number of the face's choosing and returns at once. What became of it comes back through
//! the environment's [`port::NativePort`], many at a time. Failures are plain data: the face makes them into classes.

pub mod beside;
pub mod body;
pub mod client;
pub mod events;
pub mod failure;
pub mod log;
pub mod many;
pub mod paginator;
pub mod port;
pub mod response;
pub mod upload;
