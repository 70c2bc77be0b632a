//! A reader while the gate is busy.

use std::{collections::HashSet, thread};

use super::{Events, ids, setup};
use crate::support::{App, BODY, genuine};

const CLIENTS: usize = 4;
const EACH: usize = 500;

#[test]
fn every_request_of_a_busy_gate_is_shown_once_or_counted() {
    let app = App::content();
    let gate = setup(&app).start();
    let mut events = Events::open(&gate);
    events.named("rates");
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = gate.client();
                for _ in 0..EACH {
                    assert_eq!(client.ask(genuine(BODY)).status, 200);
                }
            });
        }
        let (mut seen, mut skipped) = (HashSet::new(), 0);
        while seen.len() + skipped < CLIENTS * EACH {
            let event = events.named("deliveries");
            for id in ids(&event.rows()) {
                assert!(seen.insert(id), "twice");
            }
            let more = event.data["skipped"].as_u64().expect("a number");
            skipped += usize::try_from(more).expect("few");
        }
        assert_eq!(seen.len() + skipped, CLIENTS * EACH);
    });
    assert_eq!(app.count(), CLIENTS * EACH);
}
