//! The servers that people run, behind a real gate: each reads every request that the gate forwards
//! as the same single request. `make parsers` runs it.
//!
//! ```text
//! traffic ──► gate ──► recorder ──► reads the bytes strictly; this is the truth
//!                         ├──► Node, Puma, … each over a kept connection
//!                         └──► compares the reading that each responds with
//! ```

#![allow(
    clippy::disallowed_methods,
    reason = "as in tests/it: its clients are threads of their own"
)]

mod comparison;
mod connection;
mod delivered;
mod dice;
#[path = "../fuzz/mutation.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with tests/fuzz, which needs more of it"
)]
mod mutation;
mod odd_request;
mod permitted;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "shared with tests/it, which needs more of it")]
mod program;
mod reading;
mod recorder;
mod results;
mod server;
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
mod traffic;

use std::sync::Arc;

use program::Program;
use recorder::Recorder;
use results::Results;
use server::WebServer;

/// The number of requests that the gate has to forward.
fn requests() -> u64 {
    let number = std::env::var("CARTGATE_PARSER_REQUESTS").ok();
    number.map_or(300, |number| number.parse().expect("a number"))
}

#[test]
#[ignore = "needs the servers; make parsers runs it"]
#[allow(clippy::print_stdout, reason = "the table is the result")]
fn each_server_reads_the_request_that_the_gate_forwards() {
    let servers: Arc<[WebServer]> = WebServer::all().into();
    let results = Arc::new(Results::new(servers.len()));
    let recorder = Recorder::start(Arc::clone(&servers), Arc::clone(&results));
    let gate = Program::serve_at(&recorder.url(), &["--preserve-host", "--access-log", "off"]);
    traffic::send(gate.address(), &recorder, requests());
    recorder.finish();
    drop(gate);
    println!("{}", results.table(&servers));
    let differences = results.unexpected(&servers);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
