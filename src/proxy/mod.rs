//! The path of a request through the gate, from the connection to the response.
//!
//! A worker serves connections. A connection hands each request to the stack, which passes it
//! through the layers to a handler. The outcome returns with the response and ends in the access
//! log.

pub(crate) mod access_log;
pub(crate) mod admission;
pub mod config;
pub(crate) mod connection;
pub(crate) mod context;
pub(crate) mod explain;
pub(crate) mod handlers;
pub(crate) mod layers;
pub(crate) mod load;
pub mod meters;
pub(crate) mod outcome;
pub(crate) mod recorder;
pub(crate) mod response_body;
pub(crate) mod response_headers;
pub(crate) mod shared;
pub(crate) mod snapshot;
pub(crate) mod stack;
pub(crate) mod state;
pub(crate) mod verdict;
pub(crate) mod worker;
