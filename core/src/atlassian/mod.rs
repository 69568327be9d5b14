//! Everything only Atlassian does. Each rule cites its fact.

mod catalogue;
pub(crate) mod diagnosis;
pub(crate) mod endpoint;
mod hosts;
pub(crate) mod listings;
pub(crate) mod media;
pub(crate) mod rate_limits;
pub mod resources;
pub mod token_endpoint;

pub use hosts::Hosts;
