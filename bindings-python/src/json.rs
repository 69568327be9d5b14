//! JSON made into Python objects, without a text in between.

use jiter::{PythonParse, map_json_error};
use pyo3::prelude::*;
use pyo3::types::PyList;
use threelo_core::paginate::Page;

/// What a text says. `ValueError` where it is no JSON.
pub(crate) fn read<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    PythonParse::default().python_parse(py, text).map_err(|error| map_json_error(text, &error))
}

/// The items of a page, each read from its place in the answer. What this reader refuses, such as half of a character,
/// Python's own reader may take.
pub(crate) fn items<'py>(py: Python<'py>, page: &Page) -> PyResult<Bound<'py, PyList>> {
    let by_python = |item: &str| py.import("json")?.call_method1("loads", (item,));
    let items = page.items().map(|item| read(py, item.as_bytes()).or_else(|_| by_python(item)));
    PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)
}
