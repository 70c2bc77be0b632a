//! An endpoint without deliveries, for longer than configured and than learned.

use super::gate::{AlarmedGate, HOUR, MINUTE, direct};
use crate::support::App;

/// A part of the line of `cartgate status`.
const PART: &str = "no verified delivery for";

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_silence_longer_than_configured_raises_an_alarm_until_a_delivery_arrives() {
    let app = App::content();
    let gate = AlarmedGate::start(&direct("silence = \"6h\"", &app.url));
    gate.jump(HOUR);
    assert_eq!(gate.send("first"), 200);
    gate.jump(6 * HOUR - MINUTE);
    gate.lacks(PART);
    gate.jump(MINUTE);
    gate.raised("silence orders", PART);
    assert_eq!(gate.send("second"), 200);
    gate.recovered("silence orders", PART);
    gate.sent(["silence orders raised", "silence orders recovered"]);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_silence_longer_than_the_rhythm_of_two_weeks_raises_an_alarm() {
    let app = App::content();
    let gate = AlarmedGate::start(&direct("", &app.url));
    // Three weeks, so that two of them are whole however the first one is cut.
    for number in 0..43 {
        assert_eq!(gate.send(&format!("{{\"number\":{number}}}")), 200);
        gate.jump(12 * HOUR);
    }
    gate.jump(11 * HOUR);
    gate.lacks(PART);
    gate.jump(HOUR);
    gate.raised("silence orders", PART);
    assert_eq!(gate.send("{}"), 200);
    gate.recovered("silence orders", PART);
    gate.sent(["silence orders raised", "silence orders recovered"]);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn an_endpoint_that_never_got_a_delivery_is_silent_however_often_the_gate_reloads() {
    let app = App::content();
    let config = direct("silence = \"6h\"", &app.url);
    let gate = AlarmedGate::start(&config);
    gate.jump(6 * HOUR - MINUTE);
    gate.reload(&config);
    gate.lacks(PART);
    gate.jump(MINUTE);
    gate.raised("silence orders", PART);
    gate.reload(&config);
    gate.raised("silence orders", PART);
    assert_eq!(gate.send("first"), 200);
    gate.recovered("silence orders", PART);
    gate.sent(["silence orders raised", "silence orders recovered"]);
}
