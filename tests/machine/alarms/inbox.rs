//! Conditions of an inbox in SQLite: its room, and deliveries that wait or are no longer retried.

use super::{
    app::{ChangingApp, url},
    gate::{AlarmedGate, MINUTE},
};
use crate::servers::port::Port;

/// The configuration of an inbox with these lines, and of one durable endpoint for one destination.
pub(super) fn config(inbox: &str, endpoint: &str, destination: &str, port: &Port) -> String {
    let retry = ["\"1s\""; 60].join(", ");
    format!(
        "[inbox]\nstore = \"sqlite:inbox.db\"\nretain = \"0s\"\n{inbox}\n\
         [secret.current]\nfile = \"secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\ndurable = true\n\
         {endpoint}\n\
         [[endpoint.destination]]\nname = \"{destination}\"\nurl = \"{}\"\nretry = [{retry}]\n",
        url(port)
    )
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_durable_destination_that_is_down_or_rejects_for_a_minute_raises_alarms() {
    let port = Port::reserve();
    let gate = AlarmedGate::start(&config("", "", "shop", &port));
    let waiting = "1 deliveries wait for shop";
    assert_eq!(gate.send("first"), 200);
    gate.program.line(&["destination is down"]);
    gate.jump(MINUTE / 2);
    gate.lacks(waiting);
    gate.jump(MINUTE / 2);
    gate.raised("destination-down shop", "it has been down for");
    let app = ChangingApp::at(&port, 200);
    gate.recovered("destination-down shop", waiting);
    gate.sent([
        "destination-down shop raised",
        "destination-down shop recovered",
    ]);

    app.respond_with(500);
    assert_eq!(gate.send("second"), 200);
    app.app.wait_for(2);
    gate.lacks(waiting);
    gate.jump(MINUTE);
    gate.raised("deliveries-late shop", waiting);
    gate.lacks("it has been down for");
    app.respond_with(200);
    gate.recovered("deliveries-late shop", waiting);

    app.respond_with(410);
    assert_eq!(gate.send("third"), 200);
    let dead = "1 dead letters for shop";
    gate.raised("dead-letter shop", dead);
    gate.purge("dead", 1);
    gate.recovered("dead-letter shop", dead);
    gate.sent([
        "destination-down shop raised",
        "destination-down shop recovered",
        "deliveries-late shop raised",
        "deliveries-late shop recovered",
        "dead-letter shop raised",
        "dead-letter shop recovered",
    ]);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_full_inbox_and_a_removed_destination_raise_alarms_until_the_deliveries_are_moved() {
    let port = Port::reserve();
    let gate = AlarmedGate::start(&config("max_events = 5", "", "shop", &port));
    let (full, stranded) = ("80 % of the limit of events", "which is not configured");
    for number in 0..3 {
        assert_eq!(gate.send(&format!("order {number}")), 200);
    }
    gate.lacks("of the limit of events are used");
    assert_eq!(gate.send("order 3"), 200);
    gate.raised("inbox-nearly-full events", full);
    gate.reload(&config("max_events = 5", "", "store", &port));
    gate.raised("destination-unconfigured shop", stranded);
    let _app = ChangingApp::at(&port, 200);
    let moved = gate.command(&[
        "inbox",
        "retry",
        "--config",
        "cartgate.toml",
        "--destination",
        "shop",
        "--to",
        "store",
    ]);
    assert!(moved.contains('4'), "{moved}");
    gate.recovered("destination-unconfigured shop", stranded);
    // The next sweep would remove them, too.
    gate.shows_no_more("for store: ");
    gate.purge("delivered", 4);
    gate.recovered("inbox-nearly-full events", full);
    gate.sent([
        "inbox-nearly-full events raised",
        "inbox-nearly-full events recovered",
        "destination-unconfigured shop raised",
        "destination-unconfigured shop recovered",
    ]);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn large_deliveries_raise_an_alarm_until_they_are_removed() {
    let port = Port::reserve();
    let (inbox, endpoint) = ("max_bytes = \"1MiB\"", "max_body = \"1MiB\"");
    let gate = AlarmedGate::start(&config(inbox, endpoint, "shop", &port));
    let full = "% of the limit of bytes are used";
    let body = |number| format!(r#"{{"number":{number},"text":"{}"}}"#, "x".repeat(300_000));
    assert_eq!(gate.send(&body(1)), 200);
    assert_eq!(gate.send(&body(2)), 200);
    gate.lacks(full);
    assert_eq!(gate.send(&body(3)), 200);
    gate.raised("inbox-nearly-full bytes", full);
    let _app = ChangingApp::at(&port, 200);
    // The next sweep would remove them, too.
    gate.shows_no_more("for shop: ");
    gate.purge("delivered", 3);
    gate.recovered("inbox-nearly-full bytes", full);
    gate.sent([
        "inbox-nearly-full bytes raised",
        "inbox-nearly-full bytes recovered",
    ]);
}
