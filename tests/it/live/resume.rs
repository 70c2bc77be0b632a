//! Clients that come again: after a lost connection, and after a restart of the gate.

use serde_json::json;
use tower_cartgate::Secret;

use super::{Events, ids, pass_a_tick, setup};
use crate::support::{App, BODY, Client, Gate, genuine};

fn deliver(client: &mut Client) -> String {
    let answer = client.ask(genuine(BODY));
    answer
        .header("X-Cartgate-Delivery")
        .expect("an id")
        .to_owned()
}

#[test]
fn a_client_resumes_without_a_gap_or_a_duplicate() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut client = gate.client();
    let first = deliver(&mut client);
    let mut events = Events::open(&gate);
    let (rows, last) = events.rows(1);
    assert_eq!(ids(&rows), [first.as_str()]);
    drop(events);
    let missed = [deliver(&mut client), deliver(&mut client)];
    pass_a_tick();
    let mut resumed = Events::after(&gate, &last);
    let later = deliver(&mut client);
    let (rows, _) = resumed.rows(3);
    assert_eq!(ids(&rows), [missed[0].as_str(), &missed[1], &later]);
    for unreadable in ["planted", "0-0", &format!("{last}x")] {
        let (rows, _) = Events::after(&gate, unreadable).rows(4);
        assert_eq!(rows.len(), 4, "{unreadable}: all rows");
    }
}

#[test]
fn the_last_rows_come_before_the_end_and_a_new_gate_begins_anew() {
    let app = App::content();
    let with_token = || -> Gate {
        let token = Secret::new("planted-admin-token").expect("a token");
        setup(&app)
            .with(|setup| setup.config.admin.token = Some(token))
            .start()
    };
    let mut gate = with_token();
    let mut events = Events::open(&gate);
    events.named("rates");
    let old = deliver(&mut gate.client());
    gate.stop();
    let (rows, last) = events.rows(1);
    assert_eq!(ids(&rows), [old]);
    assert_eq!(events.named("end").data, json!({}));
    assert!(events.next().is_none(), "nothing follows the end");
    gate.join();

    let gate = with_token();
    let mut client = gate.client();
    let new = [deliver(&mut client), deliver(&mut client)];
    let mut resumed = Events::after(&gate, &last);
    let (rows, id) = resumed.rows(2);
    assert_eq!(ids(&rows), new, "its numbers begin again");
    assert_ne!(id.split_once('-'), last.split_once('-'));
}
