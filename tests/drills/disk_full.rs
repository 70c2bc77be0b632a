//! A gate over SQLite whose disk fills up while senders send.

use std::process::Command;

use crate::{
    gate::{Setup, stop},
    promise::{Held, Promise},
    recipient::{Recipient, taken},
    senders::{Numbers, Senders, Until},
    small::Small,
    stored,
    support::{genuine, wait_until},
};

#[test]
#[ignore = "needs root; make test runs it"]
fn below_its_floor_the_gate_takes_nothing() {
    println!("disk below its floor: {:?}", fill_and_free("1MiB"));
}

#[test]
#[ignore = "needs root; make test runs it"]
fn a_full_disk_takes_nothing_by_halves() {
    println!("full disk: {:?}", fill_and_free("0B"));
}

/// Fills the disk and frees it several times, without a restart: orders are rejected while it is
/// full, and stored otherwise.
fn fill_and_free(floor: &str) -> Option<Held> {
    let small = Small::new(64)?;
    let recipient = Recipient::start();
    let file = small.path().join("inbox.db");
    let setup = Setup::sqlite(&file, &recipient).with("\"1MiB\"", &format!("{floor:?}"));
    let gate = setup.start();
    let senders = Senders::start(gate.address(), 4, &Numbers::default(), Until::Told);
    senders.wait_for(50);
    for _ in 0..3 {
        let before = senders.rejected();
        small.fill();
        wait_until("orders are rejected", || senders.rejected() > before + 50);
        small.free();
        senders.wait_for(senders.acknowledged() + 50);
    }
    let mut promise = Promise::default();
    promise.add(senders.end());
    let held = promise.hold_at_least_once(&[&recipient]);
    stop(gate);
    stored::is_whole(&file);
    for (order, rejected) in &promise.ledger.rejected {
        assert_eq!(rejected.status, 503, "{order}");
        let seconds = rejected.retry_after.as_deref().map(str::parse::<u32>);
        assert!(matches!(seconds, Some(Ok(1..))), "{rejected:?}");
    }
    let came = taken(&[&recipient]);
    let half = promise
        .ledger
        .rejected
        .keys()
        .find(|one| came.contains_key(one));
    assert_eq!(half, None, "rejected, but stored all the same");
    Some(held)
}

/// The file keeps its size until its free pages are returned, and other files may keep the disk
/// below its floor.
#[test]
#[ignore = "needs root; make test runs it"]
fn an_emptied_inbox_takes_in_again_though_other_files_fill_the_disk() {
    let Some(small) = Small::new(64) else {
        return;
    };
    let recipient = Recipient::start();
    let file = small.path().join("inbox.db");
    let gate = Setup::sqlite(&file, &recipient)
        .with("\"1MiB\"", "\"12MiB\"")
        .with(&recipient.url(), "http://127.0.0.1:1")
        .start();
    let mut client = gate.client();
    let mut number = 0_u32;
    let mut deliver = || {
        number += 1;
        let mut body = vec![b'x'; 500_000];
        body.extend(number.to_be_bytes());
        client.ask(genuine(&body)).status
    };
    // At the first 503 the gate runs a checkpoint, which may make room.
    wait_until("the inbox has filled the disk", || {
        deliver() == 503 && deliver() == 503
    });
    small.fill_but(3 << 20);
    assert_eq!(deliver(), 503);
    let purge = Command::new(env!("CARGO_BIN_EXE_cartgate"))
        .env_clear()
        .args(["inbox", "purge", "--state", "pending", "--yes"])
        .args(["--inbox", &format!("sqlite:{}", file.display())])
        .output();
    let purge = purge.expect("it runs");
    assert!(purge.status.success(), "{purge:?}");
    assert_eq!(deliver(), 200, "free pages in the file count as free space");
    wait_until("the file has shrunk", || {
        std::fs::metadata(&file).is_ok_and(|file| file.len() < 4 << 20)
    });
    assert_eq!(deliver(), 200);
    stop(gate);
    stored::is_whole(&file);
}
