//! Consents: state and PKCE, code exchange, sites and their selection.

mod begin;
mod complete;
mod decide;
mod finish;
mod finishing;
mod import;
mod late;
mod lookup;
mod pairs;
pub(crate) mod parting;
pub(crate) mod placing;
pub(crate) mod session;
pub(crate) mod sites;
pub(crate) mod storing;
pub(crate) mod uniting;

use std::sync::Arc;

pub(crate) use begin::check_site;
pub(crate) use finishing::Finishing;
pub(crate) use placing::account_key;

use crate::config::Config;
use crate::grant::keeper::Keeper;
use crate::transport::Transport;

/// What consents need.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    pub(crate) keeper: Keeper,
    pub(crate) config: Arc<Config>,
    pub(crate) transport: Arc<Transport>,
    pub(crate) finishing: Arc<Finishing>,
}
