//! Tests that need more of the machine than Rust: programs that `make test` installs. Plain
//! `cargo test` leaves them out.

#![allow(
    clippy::disallowed_methods,
    reason = "as in tests/it: its clients are threads of their own"
)]

mod acme;
mod addresses;
mod alarms;
mod balancer;
mod container;
mod nginx;
mod packaging;
mod pooler;
mod postgres;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "shared with tests/it, which needs more of it")]
mod program;
mod prometheus;
#[path = "../it/alarms/receiver.rs"]
mod receiver;
mod receivers;
#[path = "../servers/mod.rs"]
#[expect(dead_code, reason = "shared with tests/drills, which needs more of it")]
mod servers;
mod shared_alarms;
mod shared_profile;
#[path = "../it/support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with tests/it, which needs more of it"
)]
mod support;
mod threads;
mod tool;
mod users;
