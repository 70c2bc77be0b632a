//! The HTTP server of the admin listeners: `serve` accepts connections within the limits of
//! `connections`, `connection` holds the deadline of one connection, and `streams` limits the
//! responses without an end.

pub(super) mod body;
pub(super) mod connection;
mod connections;
mod serve;
pub(super) mod streams;

pub(crate) use serve::serve;
