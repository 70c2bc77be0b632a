//! A receiver that fails: another one gets the alarm about it.

use super::gate::{AlarmedGate, MINUTE, direct};
use crate::{receiver::Receiver, support::App};

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_receiver_that_fails_for_a_minute_is_reported_to_another_until_it_is_back() {
    let (app, chat) = (App::content(), Receiver::responding("503 x"));
    let table = format!("[[alarm]]\nname = \"chat\"\nurl = \"{}\"\n", chat.url);
    let right = direct("", &app.url) + &table;
    let gate = AlarmedGate::start(&right);
    let part = "alarms have not reached chat for";
    gate.fail_to_reload();
    gate.receiver.wait_for("reload-failed  raised");
    chat.wait_for("reload-failed  raised");
    gate.lacks(part);
    gate.jump(MINUTE);
    gate.raised("alarm-failed chat", part);
    chat.respond_with("204 x");
    gate.recovered("alarm-failed chat", part);
    gate.reload(&right);
    gate.recovered("reload-failed ", "the reload");
    gate.sent([
        "alarm-failed chat raised",
        "alarm-failed chat recovered",
        "reload-failed  raised",
        "reload-failed  recovered",
    ]);
}
