//! The Jira of a site.

pub(crate) mod attachment;
pub(crate) mod comment;
pub(crate) mod data;
pub(crate) mod echo;
pub(crate) mod field;
pub(crate) mod issue;
pub(crate) mod paging;
pub(crate) mod people;
pub(crate) mod project;
pub(crate) mod search;
pub(crate) mod server_info;
pub(crate) mod software;
pub(crate) mod task;
pub(crate) mod webhook;
