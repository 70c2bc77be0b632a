//! Tests of the console in a real browser: Debian's chromium, driven over WebDriver. `make test`
//! installs it; plain `cargo test` leaves these tests out.

#![allow(
    clippy::disallowed_methods,
    reason = "as in tests/it: its clients are threads of their own"
)]

mod access;
mod actions;
mod browser;
mod demo;
#[path = "../it/demonstration.rs"]
#[expect(dead_code, reason = "shared with tests/it, which needs more of it")]
mod demonstration;
mod elsewhere;
mod gate;
mod hostile;
mod live;
mod load;
mod page;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "shared with tests/it, which needs more of it")]
mod program;
mod reconnect;
mod screenshots;
#[path = "../servers/mod.rs"]
#[expect(dead_code, reason = "shared with tests/drills, which needs more of it")]
mod servers;
#[path = "../it/support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with tests/it, which needs more of it"
)]
mod support;
#[path = "../machine/tool.rs"]
#[expect(
    dead_code,
    reason = "shared with tests/machine, which needs more of it"
)]
mod tool;
mod webdriver;
