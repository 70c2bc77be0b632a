//! Bytes that change in a store without the gate's knowledge never reach an app.

use std::{collections::BTreeSet, path::Path};

use crate::{
    gate::{Setup, stop},
    order,
    recipient::{Recipient, taken},
    senders::{Ledger, Numbers, Senders, Until},
    servers::{postgres::Postgres, wait::wait_until},
    stored,
};

/// The number of orders that are stored before some are changed.
const STORED: usize = 12;

/// Stores orders while the app is down, and ends the gate. Returns the ledger.
fn store_some(setup: &Setup, recipient: &Recipient) -> Ledger {
    recipient.go_down();
    let gate = setup.start();
    let senders = Senders::start(gate.address(), 2, &Numbers::default(), Until::Told);
    senders.wait_for(STORED);
    let ledger = senders.end();
    stop(gate);
    recipient.come_back();
    ledger
}

/// Checks that all orders arrive but the changed ones.
fn others_arrive(setup: &Setup, recipient: &Recipient, ledger: &Ledger, changed: &BTreeSet<u64>) {
    let others = ledger.acknowledged.keys().copied();
    let others: BTreeSet<u64> = others.filter(|order| !changed.contains(order)).collect();
    assert!(others.len() >= 3);
    let gate = setup.start();
    wait_until("the others arrive", || {
        taken(&[recipient]).len() >= others.len()
    });
    // An order that was attempted while the app was down comes later than others.
    wait_until("the changed ones are detected", || {
        let lines = gate.lines().into_iter();
        let found = lines.filter(|line| line.contains("ERROR") && line.contains("quarantine"));
        found.count() == changed.len()
    });
    stop(gate);
    // With a new gate the changed orders stay where they are.
    let gate = setup.start();
    stop(gate);
    let arrived: BTreeSet<u64> = taken(&[recipient]).into_keys().collect();
    assert_eq!(arrived, others);
}

fn id_of(ledger: &Ledger, order: u64) -> String {
    let id = ledger.acknowledged[&order].as_deref().expect("an id");
    id.replace('-', "")
}

/// Makes four changes: a bit of a body in the file, an edited head, another time, and the body of
/// another event.
#[test]
#[ignore = "of the drills; make test runs it"]
fn what_was_changed_in_sqlite_goes_to_quarantine() {
    let recipient = Recipient::start();
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("inbox.db");
    let setup = Setup::sqlite(&file, &recipient);
    let ledger = store_some(&setup, &recipient);
    let orders: Vec<u64> = ledger.acknowledged.keys().copied().collect();
    let [flipped, head, seal, kind] = [orders[0], orders[3], orders[5], orders[7]];
    stored::flip(&file, &order::body(flipped)[..40]);
    let edit = |set: &str, order| {
        let id = id_of(&ledger, order);
        stored::change(&file, &format!("UPDATE event SET {set} WHERE id = x'{id}'"));
    };
    edit("head = CAST(head || x'00' AS BLOB)", head);
    edit("received = received + 1", seal);
    let other = id_of(&ledger, orders[9]);
    edit(
        &format!("body = (SELECT body FROM event WHERE id = x'{other}')"),
        kind,
    );
    let changed = [flipped, head, seal, kind].into();
    others_arrive(&setup, &recipient, &ledger, &changed);
    assert_eq!(quarantined(&file), 4);
}

fn quarantined(file: &Path) -> i64 {
    let store = rusqlite::Connection::open(file).expect("a store");
    let count = "SELECT count(*) FROM delivery WHERE state = 3";
    store
        .query_row(count, [], |row| row.get(0))
        .expect("a number")
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn what_was_changed_in_postgresql_goes_to_quarantine() {
    let recipient = Recipient::start();
    let postgres = Postgres::shared();
    let url = postgres.database("tampered");
    let setup = Setup::postgres(&url, "", &recipient);
    let ledger = store_some(&setup, &recipient);
    let orders: Vec<u64> = ledger.acknowledged.keys().copied().collect();
    let [head, received, copy] = [orders[3], orders[5], orders[7]];
    let ask = |statement: &str| Postgres::ask(&url, statement).expect("it is done");
    let edit = |set: &str, order| {
        let id = id_of(&ledger, order);
        ask(&format!("UPDATE event SET {set} WHERE id = '{id}'"));
    };
    edit("head = head || '\\x00'::bytea", head);
    edit("received = received + 1", received);
    edit("copy = 7", copy);
    let changed = [head, received, copy].into();
    others_arrive(&setup, &recipient, &ledger, &changed);
    assert_eq!(ask("SELECT count(*) FROM delivery WHERE state = 3"), "3");
}
