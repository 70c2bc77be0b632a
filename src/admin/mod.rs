//! The admin listener: how the gate is, for operators, Prometheus and `cartgate status`. It has a
//! socket of its own (`server`), says who may ask (`access`), and shows what is counted as metrics
//! (`exposition`, `page`, `stock`) and as the report that `status` prints (`report`), and takes
//! requests for a reload (`reload`), the one thing that it changes.

mod access;
mod exposition;
pub(crate) mod inbox_metrics;
mod page;
mod process;
mod reload;
mod report;
mod server;
pub mod status;

pub(crate) use access::CHANGE;
pub use access::{NeedsToken, TokenError, may_be_token, may_listen};
pub use reload::{ReloadHandle, ReloadRequests, reload_channel};
pub(crate) use server::{Shared, serve};
