//! Files to be sent with a call.

use std::path::PathBuf;

use bytes::Bytes;

use crate::body::Body;

/// One file of an upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What it holds. A source that can be read once makes the call one that is sent once.
    pub content: Body,
    /// The form's field; `file` when not given, which is what Jira expects (F5.8).
    pub field: Option<String>,
    /// The file's name for Jira; `file` when not given.
    pub filename: Option<String>,
    /// The file's media type; told from its name when not given.
    pub content_type: Option<String>,
}

/// The field Jira reads files from (F5.8), and the name of a file that has none.
const FILE: &str = "file";

/// What nothing is known about.
const BYTES: &str = "application/octet-stream";

impl Upload {
    /// A file with this content.
    pub fn new(content: impl Into<Body>) -> Self {
        Self { content: content.into(), field: None, filename: None, content_type: None }
    }

    /// The file at `path`, read while it is sent, and called by the last part of the path.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let filename = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { filename, ..Self::new(Body::file(path)) }
    }

    pub(crate) fn field(&self) -> &str {
        self.field.as_deref().unwrap_or(FILE)
    }

    pub(crate) fn filename(&self) -> &str {
        self.filename.as_deref().unwrap_or(FILE)
    }

    pub(crate) fn content_type(&self) -> String {
        let told = || mime_guess::from_path(self.filename()).first_raw().unwrap_or(BYTES).to_owned();
        self.content_type.clone().unwrap_or_else(told)
    }
}

impl From<Bytes> for Upload {
    fn from(bytes: Bytes) -> Self {
        Self::new(bytes)
    }
}
