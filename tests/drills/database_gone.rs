//! A gate whose PostgreSQL vanishes while senders send: restarted, killed, cut off, and silent.

use crate::{
    gate::{Setup, stop},
    promise::Promise,
    recipient::Recipient,
    rounds::rounds,
    senders::{Numbers, Senders, Until},
    servers::{
        cutter::Cutter,
        postgres::{DATABASE, Postgres},
    },
    support::wait_until,
};

/// Waits until the gate rejects orders, mends the database, and waits until the gate stores orders
/// again by itself.
fn rejected_until(senders: &Senders, mend: impl FnOnce()) {
    let before = senders.rejected();
    wait_until("orders are rejected", || senders.rejected() > before);
    mend();
    let before = senders.acknowledged();
    senders.wait_for(before + 50);
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn a_database_that_goes_away_and_comes_back_loses_nothing() {
    let recipient = Recipient::start();
    let mut postgres = Postgres::start_with_tls();
    let wire = Cutter::before(postgres.address());
    let url = postgres.url_at(wire.address(), DATABASE);
    let authority = format!("ca_file = {:?}\n", postgres.authority());
    let gate = Setup::postgres(&url, &authority, &recipient).start();
    let senders = Senders::start(gate.address(), 8, &Numbers::default(), Until::Told);
    senders.wait_for(50);
    for _ in 0..rounds(1, 10) {
        wire.cut();
        rejected_until(&senders, || wire.mend());
        let before = senders.acknowledged();
        postgres.restart();
        senders.wait_for(before + 50);
        postgres.kill();
        rejected_until(&senders, || postgres.resume());
        wire.go_dead();
        rejected_until(&senders, || wire.mend());
    }
    let mut promise = Promise::default();
    promise.add(senders.end());
    println!(
        "database gone: {:?}",
        promise.hold_at_least_once(&[&recipient])
    );
    for (order, rejected) in &promise.ledger.rejected {
        let told = (rejected.status, rejected.retry_after.is_some());
        assert_eq!(told, (503, true), "{order}");
    }
    assert!(
        promise.ledger.unknown.is_empty(),
        "{:?}",
        promise.ledger.unknown
    );
    stop(gate);
}
