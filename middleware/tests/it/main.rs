//! Tests of the layer crate's public API, one module for each part.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests: a failed unwrap is a failed test"
)]

mod allocations;
mod answers;
mod axum_site;
mod events;
mod freshness;
mod hyper_server;
mod limits;
mod log;
mod memory;
mod policies;
mod properties;
mod readiness;
mod readme;
mod requests;
mod secrets;
mod support;
mod vectors;
