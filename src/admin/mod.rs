//! The admin listeners: one router with the API for programs, the console for people, and the pages
//! for load balancers and Prometheus. The socket beside an SQLite inbox serves the same router.
//!
//! `server` accepts connections within limits and passes their requests to the `router`. Every
//! request first passes the `guard`, which applies the rules of `access`. `api` holds one
//! file per resource, `console` the page and its sessions, `probes` the rest. All of them share the
//! `gate`. `reload_channel` carries reload requests to the task that reloads. `client` is the other
//! side, which the commands use.

mod access;
mod alarm_metrics;
mod api;
pub(crate) mod client;
mod console;
mod front_door;
mod gate;
mod guard;
mod inbox_metrics;
mod log;
mod metrics;
mod openmetrics;
mod probes;
mod process;
mod reload_channel;
mod report;
mod router;
mod server;
pub mod status;

pub use access::{
    Credentials, NeedsToken, OwnToken, TokenError, TokenFile, may_be_token, may_listen,
};
pub(crate) use api::events::reports::run as send_reports;
pub(crate) use front_door::FrontDoor;
pub(crate) use gate::{Admin, AdminParts};
pub use reload_channel::{ReloadHandle, ReloadRequests, reload_channel};
pub(crate) use report::evaluation;
pub(crate) use server::serve;
