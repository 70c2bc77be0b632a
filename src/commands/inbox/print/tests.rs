//! Tests of the output: its width, its safety, its times.

use serde_json::json;
use uuid::Uuid;

use super::{Event, HEADINGS, Line};
use crate::{
    delivery::event::DeliveryState,
    inbox::{
        finished_attempt::AttemptResult,
        operations::{AttemptDetails, EventDetails, HeadDetails, StoredDelivery},
    },
};

fn listed(destination: Option<&str>, state: DeliveryState) -> StoredDelivery {
    StoredDelivery {
        id: Uuid::nil(),
        endpoint: "orders".to_owned(),
        destination: destination.map(str::to_owned),
        kind: "order".to_owned(),
        state,
        received: 0,
        attempts: 3,
        due: None,
        last: Some(5_000),
        status: None,
        reason: Some("destination-refused".to_owned()),
        response: Some("x".repeat(200)),
        copy: 0,
        seen: 1,
        first_received: 0,
        size: 5,
    }
}

fn attempt(text: &str) -> AttemptDetails {
    AttemptDetails {
        destination: text.to_owned(),
        number: 1,
        started: 0,
        ms: 12.25,
        result: AttemptResult::Failed,
        status: Some(500),
        reason: Some(text.to_owned()),
        response: Some(text.to_owned()),
    }
}

#[test]
fn a_line_fits_80_columns_whatever_a_destination_is_called() {
    let now = 9_999 * 86_400_000;
    for name in [
        None,
        Some("shop"),
        Some("a-destination-with-a-very-long-name"),
    ] {
        for state in [DeliveryState::Pending, DeliveryState::Quarantined] {
            let one = &listed(name, state);
            let lines = Line { row: one, now }.to_string();
            assert!(
                lines.lines().all(|line| line.chars().count() <= 80),
                "{lines}"
            );
            assert!(lines.contains(state.as_str()), "{lines}");
            assert!(lines.contains("\n  destination-refused: xxx"), "{lines}");
        }
    }
    assert!(HEADINGS.len() <= 80);
}

#[test]
fn what_is_stored_cannot_command_the_terminal() {
    let evil = || "\x1b]0;evil\x07".to_owned();
    let mut one = listed(Some(&evil()), DeliveryState::Dead);
    one.reason = Some(evil());
    one.response = Some(evil());
    let mut shown = EventDetails {
        id: Uuid::nil(),
        endpoint: evil(),
        kind: evil(),
        received: 0,
        intact: false,
        broken: Some(evil()),
        head: Some(HeadDetails {
            method: evil(),
            target: evil(),
            secret: evil(),
            peer: evil(),
            headers: vec![(evil(), evil())],
        }),
        deliveries: vec![],
        attempts: vec![attempt(&evil())],
    };
    let line = Line { row: &one, now: 0 }.to_string();
    shown.deliveries.push(one);
    let event = Event {
        shown: &shown,
        now: 0,
    };
    let all = line + &event.to_string();
    assert!(all.matches("evil").count() >= 16, "{all}");
    assert!(!all.contains('\x1b') && !all.contains('\x07'), "{all:?}");
}

#[test]
fn times_are_written_out_in_json() {
    let one = listed(None, DeliveryState::Pending);
    let row = serde_json::to_value(&one).expect("JSON");
    assert_eq!(row["received"], "1970-01-01T00:00:00.000Z");
    assert_eq!(row["last"], "1970-01-01T00:00:05.000Z");
    assert!(row["due"].is_null() && row["destination"].is_null());
    assert_eq!(
        (&row["state"], &row["kind"]),
        (&json!("pending"), &json!("order"))
    );
}
