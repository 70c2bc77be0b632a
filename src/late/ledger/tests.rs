//! Findings, their order, and the numbers of each endpoint.

use tower_cartgate::{Keyring, Policy, Secret};

use super::*;
use crate::{
    destination::Destination,
    endpoint::{Endpoint, Endpoints},
    proxy::config::Config,
};

fn id(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

/// Returns a ledger of deliveries that wait, each with its endpoint and its body.
fn ledger(waiting: &[(&str, u8)]) -> Ledger {
    let entry = |(number, (endpoint, body)): (u8, &(&str, u8))| {
        let finding = FileFinding::Waiting(WaitingDelivery::new([*body; 32], secret("new")));
        let endpoint = Arc::from(*endpoint);
        (id(number), LedgerEntry { endpoint, finding })
    };
    Ledger {
        entries: (1..).zip(waiting).map(entry).collect(),
        ..Ledger::default()
    }
}

fn secret(name: &str) -> SecretName {
    name.parse().expect("a name")
}

fn setback(is_own: bool) -> Setback {
    Setback {
        cause: "so".to_owned(),
        is_own,
    }
}

fn later(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[test]
fn an_endpoint_keeps_its_order_and_holds_back_no_other() {
    let mut ledger = ledger(&[("a", 1), ("a", 2), ("b", 3)]);
    assert_eq!(ledger.next(Instant::now()), Some(id(1)));
    let wait = ledger.postpone(id(1), setback(false));
    assert_eq!(wait, Duration::from_secs(1));
    assert_eq!(ledger.next(Instant::now()), Some(id(3)));
    ledger.finish(id(3), LateState::Delivered);
    assert_eq!(ledger.next(Instant::now()), None);
    let due = ledger.next_due(Instant::now()).expect("one waits");
    assert!(!due.is_zero() && due <= wait, "{due:?}");
    assert_eq!(ledger.next(later(2)), Some(id(1)));
    ledger.finish(id(1), LateState::Delivered);
    assert_eq!(ledger.next(Instant::now()), Some(id(2)));
    let standings = ledger.standings();
    let (a, b) = (&standings["a"], &standings["b"]);
    assert_eq!((a.delivered, a.waiting, a.all()), (1, 1, 2));
    assert_eq!((b.delivered, b.waiting), (1, 0));
    let new = secret("new");
    assert_eq!((a.waiting_for(&new), b.waiting_for(&new)), (1, 0));
    assert_eq!(a.waiting_for(&secret("old")), 0);
}

#[test]
fn a_delivery_that_its_app_rejects_is_set_aside_but_an_app_that_is_down_is_waited_for() {
    for (is_own, next) in [(true, Some(id(2))), (false, None)] {
        let mut ledger = ledger(&[("a", 1), ("a", 2)]);
        for failures in 1..=SET_ASIDE {
            assert_eq!(ledger.next(Instant::now()), (failures == 1).then(|| id(1)));
            ledger.postpone(id(1), setback(is_own));
        }
        assert_eq!(ledger.next(Instant::now()), next);
        next.into_iter()
            .for_each(|id| ledger.finish(id, LateState::Delivered));
        assert_eq!(ledger.next(later(600)), Some(id(1)), "it is tried again");
        assert_eq!(ledger.standings()["a"].trouble.as_deref(), Some("so"));
    }
}

#[test]
fn of_equal_bodies_the_first_is_delivered() {
    let mut ledger = ledger(&[("a", 1), ("a", 1), ("a", 1), ("a", 2)]);
    let firsts = |ledger: &Ledger| -> Vec<_> { ledger.firsts().map(|(id, ..)| id).collect() };
    assert_eq!(firsts(&ledger), [id(1), id(4)]);
    assert!(ledger.copies().is_empty());
    ledger.finish(id(1), LateState::Delivered);
    assert_eq!(ledger.copies(), [id(2), id(3)]);
    assert_eq!(ledger.unmarked, [id(1)]);
    assert_eq!(firsts(&ledger), [id(4)], "no copy follows its original");
}

#[test]
fn endpoints_take_turns() {
    let mut ledger = ledger(&[("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("c", 6)]);
    // Each attempt takes so long that every failed delivery is due again.
    for (turn, (endpoint, number)) in (1..).zip([("a", 1), ("b", 4), ("c", 5), ("a", 2)]) {
        let next = ledger.next(later(60 * turn));
        assert_eq!(next, Some(id(number)), "{endpoint}");
        match endpoint {
            "b" => drop(ledger.postpone(id(number), setback(false))),
            _ => ledger.finish(id(number), LateState::Delivered),
        }
    }
    assert_eq!(ledger.next(later(900)), Some(id(4)), "it failed once");
    ledger.postpone(id(4), setback(false));
    assert_eq!(ledger.next(later(960)), Some(id(6)));
}

#[test]
fn the_mark_of_another_gate_is_not_written_again() {
    let mut ledger = ledger(&[("a", 1), ("a", 1)]);
    assert!(ledger.note_done(id(1), LateState::Forwarded));
    assert!(ledger.unmarked.is_empty());
    assert_eq!(ledger.next(Instant::now()), None, "the second is a copy");
    assert!(!ledger.note_done(id(1), LateState::Forwarded));
}

fn snapshot(secret: &str) -> Snapshot {
    let address = "http://127.0.0.1:1".parse().expect("an address");
    let destination = Destination::new("app", address, Default::default(), 1);
    let endpoint = Endpoint::new(
        "a",
        "/a".parse().expect("a path"),
        Policy::new(Keyring::single(Secret::new(secret).expect("a secret"))),
        Vec::new(),
        Arc::new(destination.expect("plain HTTP needs no certificate")),
    );
    Snapshot::new(Arc::new(Config::new(Endpoints::new(vec![endpoint]))))
}

#[test]
fn a_forgery_is_judged_again_only_by_other_secrets() {
    let (old, same, new) = (snapshot("one"), snapshot("one"), snapshot("two"));
    let mut ledger = ledger(&[("a", 1), ("a", 2), ("gone", 3)]);
    for number in [2, 3] {
        let entry = ledger.entries.get_mut(&id(number)).expect("an entry");
        entry.finding = FileFinding::Forged;
    }
    ledger.follow(&old, &same);
    let known: Vec<_> = ledger.entries.keys().copied().collect();
    assert_eq!(known, [id(2), id(3)]);
    ledger.follow(&same, &new);
    let known: Vec<_> = ledger.entries.keys().copied().collect();
    assert_eq!(known, [id(3)]);
}
