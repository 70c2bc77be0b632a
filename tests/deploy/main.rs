//! Tests of everything that a user installs: packages, images and manifests. They build releases, and download
//! Debian packages and cargo tools, so only `make test-deploy` runs them.

#![allow(
    clippy::disallowed_methods,
    reason = "as in tests/it: its clients are threads of their own"
)]

mod booted;
mod built;
mod compose;
mod debian;
mod image;
mod kubernetes;
mod packages;
mod podman;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "shared with tests/it, which needs more of it")]
mod program;
mod proxies;
#[path = "../servers/mod.rs"]
#[expect(dead_code, reason = "shared with tests/drills, which needs more of it")]
mod servers;
mod service;
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
