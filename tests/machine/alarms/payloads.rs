//! Conditions of the payloads: pointers that are missing, and values that identify no event.

use super::{
    app::ChangingApp,
    gate::{AlarmedGate, DAY, HOUR, MINUTE, direct},
    inbox::config,
};
use crate::{servers::port::Port, support::App};

/// The number of payloads with a pointer after which its absence is a change, and the number without.
const STEADY: usize = 50;
const ABSENT: usize = 3;

/// A part of the line about payloads that lack a pointer.
const CHANGED: &str = "ago and lack /total, which always occurred";

/// Sends payloads with a pointer, and payloads without it until the alarm is raised.
fn change(gate: &AlarmedGate) {
    for number in 0..STEADY {
        let body = format!(r#"{{"number":{number},"total":1}}"#);
        assert_eq!(gate.send(&body), 200);
    }
    for number in 1..ABSENT {
        assert_eq!(gate.send(&format!(r#"{{"number":-{number}}}"#)), 200);
    }
    gate.lacks(CHANGED);
    assert_eq!(gate.send(r#"{"number":-3}"#), 200);
    gate.raised("payload-changed orders", CHANGED);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn payloads_without_a_pointer_raise_an_alarm_until_they_have_it_again() {
    let app = App::content();
    let gate = AlarmedGate::start(&direct("", &app.url));
    change(&gate);
    assert_eq!(gate.send(r#"{"number":1000,"total":1}"#), 200);
    gate.jump(5 * MINUTE);
    gate.recovered("payload-changed orders", CHANGED);
    gate.sent([
        "payload-changed orders raised",
        "payload-changed orders recovered",
    ]);
    let messages = format!("{:?}", gate.receiver.messages());
    assert!(!messages.contains("/total"), "{messages}");
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn payloads_without_a_pointer_raise_an_alarm_until_they_are_accepted() {
    let port = Port::reserve();
    let _app = ChangingApp::at(&port, 200);
    let gate = AlarmedGate::start(&config("", "", "shop", &port));
    change(&gate);
    let place = ["inbox", "profile", "--config", "cartgate.toml"];
    let said = gate.command(&[&place[..], &["--accept", "orders"]].concat());
    assert!(said.contains("is accepted"), "{said}");
    gate.jump(5 * MINUTE);
    gate.recovered("payload-changed orders", CHANGED);
    gate.sent([
        "payload-changed orders raised",
        "payload-changed orders recovered",
    ]);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_unique_value_that_identifies_nothing_raises_an_alarm_for_a_day() {
    let port = Port::reserve();
    let _app = ChangingApp::at(&port, 200);
    let gate = AlarmedGate::start(&config("", "unique = \"/id\"", "shop", &port));
    let part = "the value at `unique` was a placeholder";
    assert_eq!(gate.send(r#"{"id":"7001"}"#), 200);
    gate.lacks(part);
    assert_eq!(gate.send(r#"{"id":"null"}"#), 200);
    gate.raised("unique-unusable orders", part);
    // A stored delivery would have waited for a day.
    gate.shows_no_more("for shop: ");
    gate.jump(DAY - HOUR);
    gate.raised("unique-unusable orders", part);
    gate.jump(HOUR);
    gate.recovered("unique-unusable orders", part);
    gate.sent([
        "unique-unusable orders raised",
        "unique-unusable orders recovered",
    ]);
}
