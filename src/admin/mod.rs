//! The admin listener: how the gate is, for operators, Prometheus and `cartgate status`. It has a
//! socket of its own (`server`), says who may ask (`access`), and shows what is counted as metrics
//! (`exposition`, `page`, `stock`) and as the report that `status` prints (`report`), and takes
//! requests for a reload (`reload`), the one thing that it changes.

mod access;
mod exposition;
mod page;
mod process;
mod reload;
mod report;
mod server;
mod stock;

use tower_cartgate::Secret;

pub(crate) use access::CHANGE;
pub use access::{NeedsToken, TokenError, may_be_token, may_listen};
pub use reload::{ReloadHandle, ReloadRequests, reload_channel};
pub(crate) use server::{Shared, serve};

/// Who may ask.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The bearer token that metrics and status are given for; without one, to whoever connects.
    pub token: Option<Secret>,
    /// Names that the listener may be asked by, beside addresses and `localhost`.
    pub hosts: Vec<String>,
}
