//! Drills: the promises must hold when machines fail, by killed processes, power cuts, full disks
//! and lost databases. `make test` runs each drill in a few rounds, `make drills` in many. Plain
//! `cargo test` leaves them out.

#![allow(
    clippy::disallowed_methods,
    reason = "as in tests/it: its clients are threads of their own"
)]

mod database;
mod database_gone;
mod disk_full;
mod failing_sync;
mod faulty;
mod gate;
mod killed;
mod mount;
mod native;
mod order;
mod power;
mod power_cut;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "shared with tests/it, which needs more of it")]
mod program;
mod promise;
mod recipient;
mod rotation;
mod rounds;
mod senders;
#[path = "../servers/mod.rs"]
mod servers;
mod skip;
mod small;
mod stored;
#[path = "../it/support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with tests/it, which needs more of it"
)]
mod support;
mod tampered;
#[path = "../machine/tool.rs"]
#[expect(
    dead_code,
    reason = "shared with tests/machine, which needs more of it"
)]
mod tool;
mod traffic;
mod two_gates;
