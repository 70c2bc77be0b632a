//! Cartgate: a gate in front of Cartfunnel webhook receivers. Only deliveries with a true signature
//! pass.
//!
//! The way of a request, which is also the order in which to read:
//!
//! ```text
//! listener → worker → connection → stack ─┬─ framing
//!                                         ├─ endpoint
//!                                         ├─ limits, verify (tower_cartgate) → Verified
//!                                         └─ direct → delivery → destination → answer
//! ```
//!
//! [`serve`] runs a gate with a [`config::Config`]; `record` says of each request what became of it,
//! to the `log` and the [`metrics`], which [`admin`] shows and [`status`] reads; [`kept`] keeps refused
//! deliveries where that is asked. `cli` is what can be typed, `commands` what it does, `sender` and
//! `doctor` are the tools around the gate. Cartfunnel's signatures are computed in one place alone: the
//! crate `tower_cartgate`.

pub mod admin;
mod answer;
mod aside;
mod chance;
mod check;
pub mod cli;
pub mod commands;
pub mod config;
mod connection;
mod delivery;
pub mod demo;
pub mod destination;
mod direct;
pub mod doctor;
mod durable;
pub mod endpoint;
mod exchange;
mod explain;
mod files;
mod framing;
mod gate;
mod health;
mod host_name;
mod in_force;
pub mod inbox;
pub mod inherited;
pub mod kept;
mod keyring;
mod limits;
pub mod listener;
pub mod log;
pub mod metrics;
mod private_file;
mod problem;
mod record;
mod refusal;
mod rfc3339;
pub mod secret_source;
pub mod sender;
mod serve;
pub mod service_manager;
mod stack;
pub mod status;
mod stream;
mod terminal;
mod timer;
pub mod tls;
mod turn;
mod watch;
mod worker;

pub use serve::{Surroundings, serve};
