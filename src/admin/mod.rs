//! The admin listener: the state of the gate for operators, Prometheus and `cartgate status`, and
//! reloads on request.
//!
//! `server` accepts connections within limits (`connections`), `request` routes and checks requests
//! (`access`), and `pages` makes the pages: metrics (`exposition`, `inbox_metrics`) and the report
//! for `cartgate status` (`report`). `reload` carries reload requests to the task that reloads.
//! `client` is the other side, which the commands use.

mod access;
pub(crate) mod client;
mod connections;
mod inbox_metrics;
mod metrics;
mod openmetrics;
mod pages;
mod process;
mod reload_channel;
mod report;
mod request;
mod response;
mod server;
pub mod status;

pub use access::{NeedsToken, TokenError, may_be_token, may_listen};
pub(crate) use pages::Pages;
pub use reload_channel::{ReloadHandle, ReloadRequests, reload_channel};
pub(crate) use server::serve;
