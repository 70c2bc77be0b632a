//! Cartgate: a gate in front of the receivers of Cartfunnel webhooks. Only deliveries with a genuine
//! signature pass.
//!
//! This library is the implementation of the program `cartgate`, and its interface can change with
//! each version. Rust servers use the crate `tower_cartgate` instead.
//!
//! The modules form layers, and each imports only lower ones (`tests/layering.rs`). The path of a
//! request:
//!
//! ```text
//! net::accept → server::balancer → proxy::worker → connection → stack
//!                                                                 │ layers::{health, framing, endpoint}
//!                                                                 │ layers::verify, with body_guard and observer
//!                                                                 ▼ tower_cartgate::Verified
//!                                    handlers::direct → delivery → destination
//!                                    handlers::durable → inbox → dispatcher → destination
//! ```
//!
//! [`serve`] runs a gate. `commands` and `cli` are the program around it. Only the crate
//! `tower_cartgate` computes signatures.

pub mod acme;
pub mod admin;
pub mod alarm;
pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod delivery;
pub mod demo;
pub mod destination;
pub mod doctor;
pub mod endpoint;
pub mod inbox;
pub(crate) mod late;
pub mod net;
pub mod outcome;
pub(crate) mod profile;
pub mod proxy;
pub mod rejected;
pub mod runtime;
pub mod sandbox;
pub mod secret;
pub mod server;
pub mod telemetry;
pub mod text;

pub use server::{Resources, serve};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
