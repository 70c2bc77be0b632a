//! A gate that is killed repeatedly while senders send.

use crate::{
    gate::{Setup, stop},
    promise::{Held, Promise},
    recipient::Recipient,
    rounds::{random_moment, rounds},
    senders::{Numbers, Senders, Until},
    servers::postgres::Postgres,
    stored,
};

/// The number of senders. It is large enough for several commits to be under way at any moment.
const SENDERS: usize = 8;

fn drill(setup: &Setup, recipient: &Recipient, rounds: u32) -> Held {
    let (mut promise, numbers) = (Promise::default(), Numbers::default());
    for _ in 0..rounds {
        let gate = setup.start();
        let senders = Senders::start(gate.address(), SENDERS, &numbers, Until::Broken);
        random_moment(300);
        promise.kill(gate, recipient);
        promise.add(senders.end());
    }
    let gate = setup.start();
    let held = promise.hold(&[recipient]);
    stop(gate);
    assert!(promise.ledger.acknowledged.len() > rounds as usize);
    assert!(
        promise.ledger.rejected.is_empty(),
        "{:?}",
        promise.ledger.rejected
    );
    held
}

#[test]
#[ignore = "of the drills; make test runs it"]
fn killed_over_sqlite_a_gate_loses_nothing() {
    let recipient = Recipient::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("inbox.db");
    let setup = Setup::sqlite(&file, &recipient);
    let held = drill(&setup, &recipient, rounds(5, 200));
    println!("killed over SQLite: {held:?}");
    stored::is_whole(&file);
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn killed_over_postgresql_a_gate_loses_nothing() {
    let recipient = Recipient::start();
    let postgres = Postgres::shared();
    let url = postgres.database("killed");
    let setup = Setup::postgres(&url, "", &recipient);
    let held = drill(&setup, &recipient, rounds(5, 50));
    println!("killed over PostgreSQL: {held:?}");
}
