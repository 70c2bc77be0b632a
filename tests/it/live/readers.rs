//! Readers that are many, slow or stuck. None of them delays the gate or another reader.

use std::{os::unix::net::UnixStream, thread};

use cartgate::net::listener::ListenAddress;

use super::{Events, authorization, ends, get, setup};
use crate::support::{
    App, BODY, Gate, forged, genuine, ms, wait_until,
    wire::{Wire, patient_unix},
};

/// The number of streams that may be open.
const STREAMS: usize = 32;

#[test]
fn readers_beyond_the_limit_are_told_so_and_the_others_served() {
    let app = App::content();
    let gate = setup(&app).start();
    let lines = authorization(&gate);
    let mut readers: Vec<_> = (0..STREAMS).map(|_| Events::open(&gate)).collect();
    for _ in 0..STREAMS {
        let refused = Events::request(&gate, &lines);
        assert_eq!(refused.status(), 503);
        let body = String::from_utf8(refused.raw.clone()).expect("text");
        assert!(
            body.contains("too-many-streams") || body.is_empty(),
            "{body}"
        );
    }
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    assert_eq!(get(&gate, "/status").status, 200);
    for reader in &mut readers {
        assert_eq!(reader.rows(1).0.len(), 1);
    }
    readers.pop();
    wait_until("a place is free again", || {
        Events::request(&gate, &lines).status() == 200
    });
}

/// Fills the ring with rows, so that a reader gets more than a socket takes.
fn fill(gate: &Gate) {
    let mut client = gate.client();
    let rows = || {
        let list = get(gate, "/deliveries?limit=1000").json();
        list["items"].as_array().map_or(0, Vec::len)
    };
    wait_until("a thousand rows", || {
        for _ in 0..100 {
            client.ask(forged(BODY));
        }
        rows() == 1000
    });
}

#[test]
fn stuck_readers_lose_their_places_and_delay_nobody() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let path = dir.path().join("admin.sock");
    let gate = setup(&app)
        .with(|setup| setup.admin = Some(ListenAddress::Unix(path.clone())))
        .start();
    fill(&gate);
    let mut quick = Events::open(&gate);
    quick.rows(1000);
    // Each is sent a thousand rows, and reads none.
    let mut stuck: Vec<_> = (1..STREAMS)
        .map(|_| {
            let stream = UnixStream::connect(&path).expect("connected");
            let mut wire = patient_unix(stream);
            let request = b"GET /api/v1/events HTTP/1.1\r\nHost: cartgate\r\n\r\n";
            std::io::Write::write_all(&mut wire, request).expect("it takes it");
            wire
        })
        .collect();
    let status = || Events::request(&gate, &authorization(&gate)).status();
    wait_until("all places are taken", || status() == 503);
    let answer = gate.client().ask(genuine(BODY));
    let id = answer.header("X-Cartgate-Delivery").expect("an id");
    let (rows, _) = quick.rows(1);
    assert_eq!(rows[0]["id"], id, "the quick reader goes on");
    wait_until("the gate drops a stuck reader", || {
        thread::sleep(ms(50));
        quick.next().is_some() && status() == 200
    });
    let first: &mut dyn Wire = &mut stuck[0];
    assert!(ends(first), "its connection is closed");
}
