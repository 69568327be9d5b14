//! The client as Python sees it: options and results as JSON, calls that block or are awaited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use threelo_core::{
    Casing, ClientOptions, Code, Error, ManyOptions, PaginateOptions, RequestOptions, Result,
};

use crate::answer::{Answer, Work, caught, work};
use crate::blocking::wait;
use crate::errors::raise;
use crate::events::NativeEvents;
use crate::live::Live;
use crate::many::NativeMany;
use crate::paginator::NativePaginator;
use crate::pending::PendingCall;
use crate::process::{OfProcess, lock};
use crate::response::NativeResponse;

/// A core client per process, made from options that are remembered for the children.
#[pyclass(frozen, module = "threelo._native")]
pub(crate) struct NativeClient {
    options: ClientOptions,
    /// Called with the `NativeEvents` of each core client that is made; starts the thread that delivers them.
    listen: Option<Py<PyAny>>,
    live: Mutex<OfProcess<Arc<Live>>>,
    closed: Arc<AtomicBool>,
}

/// A request as it crosses.
#[derive(FromPyObject)]
enum Asked {
    /// Id, method and path, and nothing else.
    Plain(String, String, String),
    /// All its options, as JSON.
    Json(String),
}

impl Asked {
    fn decode(self, data: Option<PyBackedBytes>) -> Result<RequestOptions> {
        match self {
            Self::Plain(id, method, path) => Ok(RequestOptions::new(id, method, path)),
            Self::Json(options) => {
                RequestOptions::decode(&options, data.map(Bytes::from_owner), None, Casing::Snake)
            }
        }
    }
}

#[pymethods]
impl NativeClient {
    #[new]
    #[pyo3(signature = (options, listen=None))]
    fn new(py: Python<'_>, options: &str, listen: Option<Py<PyAny>>) -> PyResult<Self> {
        let options = caught(py, || ClientOptions::decode(options, Casing::Snake))?;
        let live = Mutex::new(OfProcess::new(live(py, &options, listen.as_ref())?));
        let client = Self { options, listen, live, closed: Arc::new(AtomicBool::new(false)) };
        client.opened(py)?;
        Ok(client)
    }

    /// The app's client id.
    #[getter]
    fn client_id(&self) -> &str {
        &self.options.client_id
    }

    /// Where the store is, the core's default included.
    #[getter]
    fn store(&self) -> &str {
        &self.options.store
    }

    fn call(&self, py: Python<'_>, verb: String, options: String) -> PyResult<Py<PyAny>> {
        wait(py, self.verb(py, verb, options)?)
    }

    fn call_async(&self, py: Python<'_>, verb: String, options: String) -> PyResult<PendingCall> {
        PendingCall::eager(py, self.verb(py, verb, options)?)
    }

    #[pyo3(signature = (asked, data=None))]
    fn request(&self, py: Python<'_>, asked: Asked, data: Option<PyBackedBytes>) -> PyResult<Py<PyAny>> {
        wait(py, self.exchange(py, asked, data)?)
    }

    #[pyo3(signature = (asked, data=None))]
    fn request_async(
        &self,
        py: Python<'_>,
        asked: Asked,
        data: Option<PyBackedBytes>,
    ) -> PyResult<PendingCall> {
        PendingCall::start(py, self.exchange(py, asked, data)?)
    }

    #[pyo3(signature = (options, data=None))]
    fn request_many(
        &self,
        py: Python<'_>,
        options: &str,
        data: Option<PyBackedBytes>,
    ) -> PyResult<NativeMany> {
        let live = self.opened(py)?;
        let many = caught(py, || {
            let options = ManyOptions::decode(options, data.map(Bytes::from_owner), Casing::Snake)?;
            live.opened().ok_or_else(closed)?.proxy_request_many(options)
        });
        many.map(NativeMany::new)
    }

    fn paginate(&self, py: Python<'_>, options: &str) -> PyResult<NativePaginator> {
        let live = self.opened(py)?;
        let paginator = caught(py, || {
            let options = PaginateOptions::decode(options, Casing::Snake)?;
            live.opened().ok_or_else(closed)?.paginate(options)
        });
        paginator.map(NativePaginator::new)
    }
}

impl NativeClient {
    /// This process's client. The lock is safe in a fork because it is only held while attached.
    pub(crate) fn live(&self, py: Python<'_>) -> PyResult<Arc<Live>> {
        let known = lock(&self.live).get().cloned();
        if let Some(live) = known {
            return Ok(live);
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(raise(
                py,
                &Error::new(Code::Closed, "the client was closed before the process forked"),
            ));
        }
        let opened = live(py, &self.options, self.listen.as_ref())?;
        let mut live = lock(&self.live);
        // Another thread may have been here meanwhile, for `listen` is Python code.
        if live.get().is_none() {
            // What the parent had is leaked: see `process`.
            *live = OfProcess::new(opened.clone());
        }
        Ok(live.get().cloned().unwrap_or(opened))
    }

    fn opened(&self, py: Python<'_>) -> PyResult<Arc<Live>> {
        let live = self.live(py)?;
        if live.opened().is_none() {
            let opening = live.clone();
            wait(py, work(async move { opening.client().await.map(|_| Answer::Text(None)) }))?;
        }
        Ok(live)
    }

    fn verb(&self, py: Python<'_>, verb: String, options: String) -> PyResult<Work> {
        let (live, closed) = (self.live(py)?, self.closed.clone());
        Ok(work(async move {
            let answer = live.call(verb, options).await?;
            closed.fetch_or(live.closed.is_cancelled(), Ordering::AcqRel);
            Ok(answer)
        }))
    }

    fn exchange(&self, py: Python<'_>, asked: Asked, data: Option<PyBackedBytes>) -> PyResult<Work> {
        let live = self.live(py)?;
        Ok(work(async move {
            let options = asked.decode(data)?;
            let response = live.client().await?.proxy_request(options).await?;
            Ok(Answer::Response(Box::new(NativeResponse::new(response))))
        }))
    }
}

fn live(py: Python<'_>, options: &ClientOptions, listen: Option<&Py<PyAny>>) -> PyResult<Arc<Live>> {
    let (live, events) = Live::new(py, options.clone())?;
    if let Some(listen) = listen {
        listen.call1(py, (NativeEvents::new(events, live.closed.clone()),))?;
    }
    Ok(live)
}

fn closed() -> Error {
    Error::new(Code::Closed, "the client is closed")
}
