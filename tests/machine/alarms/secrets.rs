//! Conditions of a rotation: an older secret that is in use, that can be removed, and deliveries that
//! were rejected meanwhile and cannot be delivered.

use std::fs;

use super::{
    app::{ChangingApp, url},
    gate::{AlarmedGate, DAY, HOUR, MINUTE, OLD_SECRET},
};
use crate::{
    servers::port::Port,
    support::{App, SECRET, wait_until},
};

/// The configuration of a gate that saves rejections, with these secrets.
fn config(secrets: &str, url: &str) -> String {
    format!(
        "[rejected]\ndir = \"DIR/rejected\"\n\
         [secret.new]\nfile = \"secret\"\n[secret.old]\nfile = \"old\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = {secrets}\n\
         [[endpoint.destination]]\nname = \"app\"\nurl = \"{url}\"\n"
    )
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn an_older_secret_raises_alarms_while_it_is_in_use_and_once_it_can_be_removed() {
    let app = App::content();
    let gate = AlarmedGate::start(&config(r#"["new", "old"]"#, &app.url));
    let (in_use, removable) = ("still signs with the older secret old", "; can be removed");
    gate.jump(DAY - HOUR);
    assert_eq!(gate.send("first"), 200);
    gate.lacks(removable);
    gate.jump(HOUR);
    gate.raised("old-secret-removable orders/old", removable);
    assert_eq!(gate.send_by(OLD_SECRET, "second").status, 200);
    gate.recovered("old-secret-removable orders/old", removable);
    gate.raised("old-secret-in-use orders/old", in_use);
    gate.jump(DAY - HOUR);
    gate.raised("old-secret-in-use orders/old", in_use);
    gate.jump(HOUR);
    gate.recovered("old-secret-in-use orders/old", in_use);
    gate.lacks(removable);
    gate.sent([
        "old-secret-removable orders/old raised",
        "old-secret-removable orders/old recovered",
        "old-secret-in-use orders/old raised",
        "old-secret-in-use orders/old recovered",
    ]);
    // Without a delivery, the lack of a match proves nothing.
    assert_eq!(gate.send("third"), 200);
    let count = |edge: &str| {
        let edges = gate.receiver.edges();
        edges.iter().filter(|one| *one == edge).count()
    };
    wait_until("it can be removed again", || {
        count("old-secret-removable orders/old raised") == 2
    });
    gate.reload(&config(r#"["new"]"#, &app.url));
    wait_until("it was removed", || {
        count("old-secret-removable orders/old recovered") == 2
    });
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn a_late_delivery_that_its_app_rejects_raises_an_alarm_until_it_is_delivered() {
    let port = Port::reserve();
    let app = ChangingApp::at(&port, 500);
    let gate = AlarmedGate::start(&config(r#"["old"]"#, &url(&port)));
    let part = "deliveries rejected during the rotation were delivered, 1 wait";
    assert_eq!(gate.send_by(SECRET, "first").status, 401);
    wait_until("it is saved", || saved(&gate) == 1);
    gate.reload(&config(r#"["new", "old"]"#, &url(&port)));
    gate.raised("late-stuck orders", part);
    app.respond_with(200);
    // In the first minutes, the gate does not judge an alarm as over.
    gate.jump(5 * MINUTE);
    gate.recovered("late-stuck orders", part);
    assert_eq!(app.app.requests().last().expect("one").body, b"first");
    gate.sent(["late-stuck orders raised", "late-stuck orders recovered"]);
}

#[test]
#[ignore = "needs libfaketime; make test runs it"]
fn an_older_secret_cannot_be_removed_while_a_late_delivery_needs_it() {
    let port = Port::reserve();
    let app = ChangingApp::at(&port, 500);
    let gate = AlarmedGate::start(&config(r#"["new"]"#, &url(&port)));
    let removable = "; can be removed";
    assert_eq!(gate.send_by(OLD_SECRET, "first").status, 401);
    wait_until("it is saved", || saved(&gate) == 1);
    gate.reload(&config(r#"["new", "old"]"#, &url(&port)));
    gate.raised("late-stuck orders", "1 wait");
    gate.jump(DAY);
    assert_eq!(gate.send("second"), 500);
    gate.lacks(removable);
    app.respond_with(200);
    gate.recovered("late-stuck orders", "1 wait");
    gate.raised(
        "old-secret-in-use orders/old",
        "still signs with the older secret old",
    );
    gate.jump(DAY);
    assert_eq!(gate.send("third"), 200);
    gate.raised("old-secret-removable orders/old", removable);
    gate.sent([
        "late-stuck orders raised",
        "late-stuck orders recovered",
        "not-taken orders raised",
        "not-taken orders recovered",
        "old-secret-in-use orders/old raised",
        "old-secret-in-use orders/old recovered",
        "old-secret-removable orders/old raised",
    ]);
}

fn saved(gate: &AlarmedGate) -> usize {
    let files = fs::read_dir(gate.program.file("rejected")).map(Iterator::flatten);
    let is_whole = |one: &fs::DirEntry| one.path().extension().is_some_and(|end| end == "http");
    files.map_or(0, |files| files.filter(is_whole).count())
}
