//! What operators can have done to an inbox: an `Order`, one page of work each, carried out at a `Desk`. While a gate runs it does
//! so itself, asked over a socket beside the file of its store (`server`, `client`); otherwise whoever asks opens the store.
//! The directory of the socket decides who gets there, beside its mode.
//!
//! ```text
//! cartgate inbox ──► Order ──┬─ a gate runs:  client ──► FILE.sock ──► server ──┐
//!                            └─ none does:   opens the store itself ────────────┴─► Desk::carry_out ──► Answer
//! ```

pub(crate) mod client;
pub(crate) mod command;
pub(crate) mod handler;
pub(crate) mod server;

pub(crate) use client::Client;
#[cfg(test)]
pub(crate) use command::HeadShown;
pub(crate) use command::{Again, Answer, Holdings, Order, Page, Shown};
pub(crate) use handler::Desk;

use std::path::{Path, PathBuf};

/// The socket of a gate whose store is this file.
pub(crate) fn socket(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sock");
    name.into()
}
