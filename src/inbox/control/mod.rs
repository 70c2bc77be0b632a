//! Commands of operators on an inbox.
//!
//! A [`Handler`] carries out each [`Command`]. While a gate runs on an SQLite file, it does so
//! itself, for a `client` that connects to the `server` on a socket beside the file. Without a
//! gate, the command opens the store. The mode of the socket and its directory decide who may
//! connect.
//!
//! ```text
//! cartgate inbox ──► Command ─┬─ gate runs: client ──► FILE.sock ──► server ─┬─► Handler::handle
//!                             └─ no gate:   opens the store ─────────────────┘
//! ```

mod client;
mod command;
mod handler;
mod response;
pub(crate) mod server;
mod socket;

pub(crate) use client::Client;
pub(crate) use command::{Command, Page};
pub(crate) use handler::Handler;
#[cfg(test)]
pub(crate) use response::HeadDetails;
pub(crate) use response::{CommandResponse, EventDetails, InboxStats, Requeued};
pub(crate) use socket::socket_path;
