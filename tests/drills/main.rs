//! What is promised must hold when machines fail: processes killed, power cut, disks full, databases gone. `make test`
//! runs each drill in a few rounds, `make drills` in many. Plain `cargo test` leaves them out.

#![allow(
    clippy::disallowed_methods,
    reason = "as in tests/it: its clients are threads of their own"
)]

mod database;
#[path = "../servers/mod.rs"]
mod servers;
