//! The alarms of a gate whose ACME server is down.

use super::{DOMAIN, LONG, Site, status};
use crate::alarms::gate::{AlarmedGate, MINUTE};

#[test]
#[ignore = "needs pebble and libfaketime; make test runs it"]
fn a_missing_certificate_and_its_failed_order_raise_alarms_until_it_is_issued() {
    let site = Site::new();
    let state = site.state.path().display().to_string();
    let config = site.config(&site.acme(&[DOMAIN]));
    let gate = AlarmedGate::start_whole(&config, &[("STATE_DIRECTORY", &state)]);
    gate.receiver.wait_for("no-certificate  raised");
    gate.receiver.wait_for("certificate-order-failed  raised");
    let (_, screen) = status(&gate.program);
    for part in [
        "no certificate was issued yet",
        "the order for a certificate failed: ",
    ] {
        assert!(screen.contains(part), "no {part} in {screen}");
    }

    let _pebble = site.pebble(LONG);
    // Other settings order at once.
    gate.reload_whole(&site.config(&site.acme_of("dev@shop.example", &[DOMAIN])));
    gate.receiver.wait_for("no-certificate  recovered");
    // In the first minutes, the lack of a failure ends no alarm.
    gate.jump(5 * MINUTE);
    gate.receiver
        .wait_for("certificate-order-failed  recovered");
    gate.sent([
        "no-certificate  raised",
        "no-certificate  recovered",
        "certificate-order-failed  raised",
        "certificate-order-failed  recovered",
    ]);
    assert_eq!(status(&gate.program).0, 0);
}
