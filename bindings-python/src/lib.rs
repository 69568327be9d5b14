//! The native half of the Python package: data in, data out. It converts between Python and the core, owns the
//! runtime the core's futures run on, and decides nothing; `python/threelo` is the face that people see.
//!
//! Rules that hold everywhere in here:
//! - a wait never holds the interpreter (`blocking`), and the runtime's workers never attach to it;
//! - a lock that a forked child may meet is taken only while attached, so no other thread can hold it in a fork;
//! - what belongs to a process is neither used nor dropped in its children (`process`).

mod answer;
mod beside;
mod blocking;
mod body;
mod client;
mod errors;
mod events;
mod fork;
mod free;
mod json;
mod live;
mod logs;
mod many;
mod paginator;
mod pending;
mod port;
mod process;
mod response;
mod runtime;
mod slot;
#[cfg_attr(windows, path = "sockets_nowhere.rs")]
mod sockets;
mod upload;

use pyo3::prelude::*;

/// What `threelo` is built on; private to it.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::beside::{NativeSandbox, cli};
    #[pymodule_export]
    use crate::body::NativeBody;
    #[pymodule_export]
    use crate::client::NativeClient;
    #[pymodule_export]
    use crate::events::NativeEvents;
    #[pymodule_export]
    use crate::logs::NativeLines;
    #[pymodule_export]
    use crate::many::NativeMany;
    #[pymodule_export]
    use crate::paginator::NativePaginator;
    #[pymodule_export]
    use crate::pending::PendingCall;
    #[pymodule_export]
    use crate::response::NativeResponse;
    #[pymodule_export]
    use crate::upload::{NativeFeed, upload, upload_async};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::process::look();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        let shutdown = wrap_pyfunction!(crate::runtime::shutdown, module)?;
        module.py().import("atexit")?.call_method1("register", (shutdown,))?;
        crate::fork::register(module)
    }
}
