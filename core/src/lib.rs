//! threelo's core: all behaviour, all defaults, all rules. The Python and Node packages wrap this crate and decide
//! nothing themselves.
//!
//! Start with [`Client`]: its methods are the verbs of `api.toml`. The heart is [`grant`], which spends each of
//! Atlassian's single-use refresh tokens exactly once; [`store`] is what makes that true across processes.

pub mod atlassian;
pub mod body;
mod call;
mod client;
pub mod clock;
mod config;
pub mod connect;
mod error;
mod event;
pub mod fork;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
pub mod grant;
mod lock;
pub mod log;
mod options;
mod origin;
pub mod paginate;
mod per_process;
pub mod probe;
mod random;
mod records;
pub mod request;
pub mod store;
mod timings;
mod transport;
mod upload;

pub use call::{Call, Casing};
pub use client::{Authorization, Client, ConnectSession, ConnectionsPage, Many, RequestResult, Unfinished};
pub use config::{ClientOptions, Keys, SitePolicy};
pub use error::{Code, Error, Result};
pub use event::{Event, EventKind, Subscription};
pub use options::*;
pub use records::{
    Attention, Connection, ConnectionStatus, KeepAliveReport, LedgerEntry, Product, RekeyReport, Site,
    SiteChoice, Tags,
};
pub use upload::Upload;
