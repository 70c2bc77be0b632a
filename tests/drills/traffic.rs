//! Tests that senders and recipient distinguish acknowledged, rejected and unknown orders, with a
//! gate that stores nothing.

use crate::{
    program::Program,
    recipient::{Recipient, Reply, taken},
    senders::{Numbers, Senders, Until},
    support::wait_until,
};

#[test]
#[ignore = "of the drills; make test runs it"]
fn what_is_acknowledged_has_arrived_and_what_is_refused_has_not() {
    let recipient = Recipient::start();
    let gate = Program::serve_at(&recipient.url(), &["--answer-timeout", "1s"]);
    let senders = Senders::start(gate.address(), 4, &Numbers::default(), Until::Told);
    let rejected = |status| {
        wait_until("orders are rejected", || {
            let ledger = senders.ledger();
            ledger.rejected.values().any(|one| one.status == status)
        });
    };
    senders.wait_for(50);
    recipient.go_down();
    rejected(502);
    recipient.come_back();
    senders.wait_for(senders.acknowledged() + 50);
    recipient.reply(Reply::Reject("500 Internal Server Error"));
    rejected(500);
    recipient.reply(Reply::Later("429 Too Many Requests", 7));
    rejected(429);
    recipient.reply(Reply::Hang);
    rejected(504);
    recipient.reply(Reply::Take);
    let ledger = senders.end();
    let later = ledger.rejected.values().find(|one| one.status == 429);
    assert_eq!(later.expect("rejected").retry_after.as_deref(), Some("7"));
    let came = taken(&[&recipient]);
    for (order, id) in &ledger.acknowledged {
        let [attempt] = &came[order][..] else {
            panic!("{order} came {} times", came[order].len());
        };
        assert_eq!(Some(&attempt.id), id.as_ref());
    }
    let rejected = recipient.attempts().into_iter().filter(|one| !one.taken);
    let rejected: Vec<_> = rejected.map(|one| one.order).collect();
    assert!(!rejected.is_empty());
    for order in rejected {
        assert!(!ledger.acknowledged.contains_key(&order), "{order}");
    }
}

#[test]
#[ignore = "of the drills; make test runs it"]
fn what_was_in_flight_when_the_gate_was_killed_is_unknown() {
    let recipient = Recipient::start();
    recipient.reply(Reply::Hang);
    let gate = Program::serve_at(&recipient.url(), &[]);
    let senders = Senders::start(gate.address(), 4, &Numbers::default(), Until::Broken);
    wait_until("all wait", || recipient.attempts().len() == 4);
    gate.signal("KILL");
    gate.end();
    let ledger = senders.end();
    assert_eq!(ledger.unknown, (0..4).collect());
    assert!(ledger.acknowledged.is_empty() && ledger.rejected.is_empty());
    assert!(taken(&[&recipient]).is_empty());
}
