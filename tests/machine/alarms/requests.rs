//! Conditions of the requests of an endpoint: no signature matches, an app is down, and a
//! delivery was not accepted.

use super::{
    app::{ChangingApp, url},
    gate::{AlarmedGate, HOUR, MINUTE, direct},
};
use crate::{
    servers::port::Port,
    support::{App, forged},
};

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn half_an_hour_without_a_match_raises_all_rejected_until_one_matches() {
    let app = App::content();
    let gate = AlarmedGate::start(&direct("", &app.url));
    let part = "no signature has matched for";
    assert_eq!(gate.send("first"), 200);
    for number in 0..5 {
        let forgery = forged(format!("forgery {number}").as_bytes());
        assert_eq!(gate.program.client().ask(forgery).status, 401);
    }
    gate.jump(29 * MINUTE);
    gate.lacks(part);
    gate.jump(MINUTE);
    gate.raised("all-rejected orders", part);
    assert_eq!(gate.send("second"), 200);
    gate.recovered("all-rejected orders", part);
    gate.sent([
        "all-rejected orders raised",
        "all-rejected orders recovered",
    ]);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_delivery_that_was_not_taken_raises_an_alarm_until_an_hour_has_passed() {
    let port = Port::reserve();
    let gate = AlarmedGate::start(&direct("", &url(&port)));
    let (not_taken, down) = (
        "a verified delivery was not taken",
        "the destination is down",
    );
    assert_eq!(gate.send("first"), 502);
    gate.raised("not-taken orders", not_taken);
    gate.raised("destination-down app", down);
    let _app = ChangingApp::at(&port, 200);
    assert_eq!(gate.send("second"), 200);
    gate.recovered("destination-down app", down);
    gate.jump(HOUR - MINUTE);
    gate.raised("not-taken orders", not_taken);
    gate.jump(MINUTE);
    gate.recovered("not-taken orders", not_taken);
    gate.sent([
        "destination-down app raised",
        "destination-down app recovered",
        "not-taken orders raised",
        "not-taken orders recovered",
    ]);
}
