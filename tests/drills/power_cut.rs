//! A gate over SQLite on a disk whose power is cut while senders send. The app is down meanwhile,
//! so every event that arrives later comes from the disk.

use std::{collections::BTreeSet, path::Path};

use crate::{
    faulty::Syncs,
    gate::{Setup, kill, stop},
    power::Disk,
    promise::Promise,
    recipient::Recipient,
    rounds::{random_moment, rounds},
    senders::{Ledger, Numbers, Senders, Until},
    stored,
};

const SENDERS: usize = 8;

/// Runs a gate that loses its disk at a random moment, and is then killed. Returns the ledger of
/// its senders. Acknowledgements after the beginning of the cut prove nothing: a real power cut
/// stops machine and disk at once, but this one stops only the disk, so the kernel may report
/// success for a sync that it had begun.
fn cut(setup: &Setup, disk: &Disk, numbers: &Numbers, variables: &[(&str, &str)]) -> Ledger {
    let gate = setup.start_with(variables);
    let senders = Senders::start(gate.address(), SENDERS, numbers, Until::Told);
    senders.wait_for(1);
    random_moment(500);
    let mut ledger = senders.ledger();
    disk.cut();
    ledger.unknown_after(senders.end());
    kill(gate);
    disk.come_back();
    ledger
}

#[test]
#[ignore = "needs root and loop devices; make test runs it"]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::new() else {
        return;
    };
    let recipient = Recipient::start();
    let file = disk.path().join("inbox.db");
    let setup = Setup::sqlite(&file, &recipient);
    let (mut promise, numbers) = (Promise::default(), Numbers::default());
    for _ in 0..rounds(2, 20) {
        recipient.go_down();
        promise.add(cut(&setup, &disk, &numbers, &[]));
        recipient.come_back();
        let gate = setup.start();
        promise.hold(&[&recipient]);
        stop(gate);
    }
    println!("power cut: {:?}", promise.hold(&[&recipient]));
    stored::is_whole(&file);
}

/// The control experiment: `synchronous=NORMAL` would leave out the sync of a commit.
#[test]
#[ignore = "needs root and loop devices; make test runs it"]
fn without_syncs_a_power_cut_takes_what_was_acknowledged() {
    let Some(disk) = Disk::new() else {
        return;
    };
    let (recipient, syncs, numbers) = (Recipient::start(), Syncs::new(), Numbers::default());
    recipient.go_down();
    let mut lost = 0;
    for round in 0..rounds(2, 3) {
        // Each round has a new store, because the remains of the last one may be unreadable.
        let file = disk.path().join(format!("inbox-{round}.db"));
        let setup = Setup::sqlite(&file, &recipient);
        let told = cut(&setup, &disk, &numbers, &syncs.skipped("-wal"));
        lost += missing(&told, &file);
        println!(
            "control: {lost} lost, of {} acknowledged",
            told.acknowledged.len()
        );
    }
    assert!(lost > 0, "the drill detects no loss");
}

/// Returns the number of acknowledged events that a store lacks: all of them, if it cannot be read.
fn missing(told: &Ledger, file: &Path) -> usize {
    let stored: BTreeSet<String> = stored::ids(file).unwrap_or_default();
    let ids = told.acknowledged.values();
    let ids = ids.map(|id| id.as_ref().expect("each response has one"));
    ids.filter(|id| !stored.contains(*id)).count()
}
