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
mod free;
pub mod log;
pub mod many;
pub mod paginator;
pub mod port;
pub mod response;
pub mod upload;

/// One worker: JavaScript runs on one thread as well, and calls that hop between workers cost more than a second one
/// brings (docs/benchmarks.md). Should the system give no thread now, napi asks again when the first call is made.
#[napi_derive::module_init]
fn init() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Ok(runtime) = builder.worker_threads(1).thread_name("threelo").enable_all().build() {
        napi::bindgen_prelude::create_custom_tokio_runtime(runtime);
    }
}
