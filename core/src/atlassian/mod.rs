//! Everything only Atlassian does. Each rule cites its fact.

mod catalogue;
pub(crate) mod diagnosis;
mod hosts;
pub(crate) mod listings;
pub mod resources;
pub mod token_endpoint;

pub use hosts::Hosts;
