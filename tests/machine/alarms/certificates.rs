//! Conditions of certificates: one that expires soon, one that could not be ordered, and none.

use std::time::SystemTime;

use super::gate::{AlarmedGate, DAY, MINUTE, direct};
use crate::support::{App, authority::Authority, session::NAME};

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_certificate_that_expires_in_two_weeks_raises_an_alarm_until_it_is_renewed() {
    let (app, authority) = (App::content(), Authority::new());
    let dir = tempfile::tempdir().expect("a directory");
    let valid_for = |days: u32| {
        let leaf = authority.leaf_until(NAME, SystemTime::now() + days * DAY);
        leaf.files(dir.path())
    };
    let (chain, key) = valid_for(20);
    let tls = format!("tls = {{ cert = {chain:?}, key = {key:?} }}\n");
    let gate = AlarmedGate::start(&(tls + &direct("", &app.url)));
    let part = format!("the certificate {} expires in", chain.display());
    let alarm = format!("certificate-expiring {}", chain.display());
    gate.jump(5 * DAY);
    gate.lacks(&part);
    gate.jump(DAY);
    gate.jump(MINUTE);
    gate.raised(&alarm, &part);
    valid_for(90);
    gate.reload_files();
    gate.recovered(&alarm, &part);
    gate.sent([&*format!("{alarm} raised"), &*format!("{alarm} recovered")]);
}
