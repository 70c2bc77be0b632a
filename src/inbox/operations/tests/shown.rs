//! Lists, events and their bodies.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tower_cartgate::Secret;
use uuid::Uuid;

use super::{
    super::{Destinations, EventDetails, OperationError, Operations, PageRange},
    fixture::{
        Fixture,
        InState::{Dead, Delivered, Pending},
    },
};
use crate::{
    delivery::{
        event::{FailureCause, Lease, Settlement},
        seal::Sealer,
    },
    inbox::{
        Inbox, attempt_history::AttemptHistory, finished_attempt::FinishedAttempt, store::Selection,
    },
};

fn page(most: usize) -> PageRange {
    PageRange {
        most,
        ..PageRange::default()
    }
}

/// Makes the third attempt at an event, which failed with a response.
fn failed(event: Uuid, sealer: &Sealer) -> FinishedAttempt {
    let lease = Lease {
        event,
        queue: "shop".into(),
        token: 1,
    };
    let cause = FailureCause {
        response: Some(sealer.write_note(b"out of stock")),
        ..FailureCause::new(Some(500), "destination-answered")
    };
    let took = Duration::from_micros(1500);
    let made = FinishedAttempt::new(&lease, 3, 5_000, took, &Settlement::Dead(cause));
    made.expect("an attempt")
}

#[tokio::test]
async fn pages_follow_each_other_and_no_request_names_more_events_than_one_holds() {
    let states = [Pending("shop"), Dead("shop"), Delivered("mail")];
    let fixture = Fixture::sqlite().await.with(&states).await;
    let (mut next, mut seen) = (page(2), Vec::new());
    loop {
        let listed = fixture.operations().list(next.clone()).await;
        let listed = listed.expect("listed");
        seen.extend(listed.items.iter().map(|one| one.id));
        let Some(after) = listed.next else { break };
        next.after = Some(after.0);
    }
    assert_eq!(seen, fixture.ids);
    let selection = Selection {
        ids: vec![Uuid::nil(); PageRange::MOST + 1],
        ..Selection::default()
    };
    let rejected = fixture.operations().list(PageRange {
        selection,
        ..page(2)
    });
    assert!(matches!(rejected.await, Err(OperationError::TooManyIds)));
}

#[tokio::test]
async fn a_page_of_nothing_is_a_page_of_one() {
    let fixture = Fixture::sqlite().await.with(&[Pending("shop"); 3]).await;
    let listed = fixture.operations().list(page(0)).await.expect("listed");
    assert_eq!((listed.items.len(), listed.next.is_some()), (1, true));
}

#[tokio::test]
async fn an_event_is_shown_and_its_body_only_where_that_is_asked() {
    let states = [Pending("shop"), Dead("shop"), Pending("mail")];
    let fixture = Fixture::sqlite().await.with(&states).await;
    let operations = fixture.operations();
    let shown = operations.show(fixture.ids[1]).await.expect("read");
    let shown = shown.expect("there");
    assert_eq!((shown.id, &shown.broken), (fixture.ids[1], &None));
    assert_eq!(shown.deliveries.len(), 1);
    assert_eq!(shown.deliveries[0].reason.as_deref(), Some("gone"));
    let head = shown.head.as_ref().expect("a head");
    assert_eq!((&*head.method, &*head.target), ("PUT", "/hooks?a=b"));
    assert_eq!(head.headers, [("x-shop".into(), "planted".into())]);
    assert_eq!(shown.attempts, []);
    let attempt = failed(fixture.ids[1], &fixture.inbox.sealer);
    fixture.inbox.attempts.record(attempt);
    let shown = operations.show(fixture.ids[1]).await.expect("read");
    let shown = shown.expect("there");
    let attempts = serde_json::to_value(&shown.attempts).expect("JSON");
    assert_eq!(
        attempts,
        json!([{
            "destination": "shop", "number": 3, "started": "1970-01-01T00:00:05.000Z", "ms": 1.5,
            "result": "failed", "status": 500, "reason": "destination-answered",
            "response": "out of stock",
        }])
    );
    let json = serde_json::to_string(&shown).expect("JSON");
    assert!(!json.contains("body 1"), "{json}");
    let read: EventDetails = serde_json::from_str(&json).expect("the same");
    assert_eq!(read, shown);
    let body = operations.body(fixture.ids[1]).await.expect("read");
    assert_eq!(body, Some(Ok(Bytes::from("body 1"))));
    assert!(
        operations
            .show(Uuid::now_v7())
            .await
            .expect("read")
            .is_none()
    );
    assert!(
        operations
            .body(Uuid::now_v7())
            .await
            .expect("read")
            .is_none()
    );
}

#[tokio::test]
async fn nothing_of_an_event_is_shown_whose_seal_does_not_hold() {
    let states = [Pending("shop"), Pending("shop"), Pending("mail")];
    let fixture = Fixture::sqlite().await.with(&states).await;
    let other = Secret::new("another key").expect("a key");
    let inbox = Inbox {
        store: fixture.inbox.store.clone(),
        sealer: Sealer::new(&other, None),
        meter: fixture.inbox.meter.clone(),
        attempts: AttemptHistory::default(),
        settings: fixture.inbox.settings.clone(),
    };
    inbox.attempts.record(failed(fixture.ids[0], &inbox.sealer));
    let operations = Operations::new(inbox.into(), Destinations::Unknown);
    let shown = operations.show(fixture.ids[0]).await.expect("read");
    let shown = shown.expect("there");
    assert!(!shown.intact && shown.broken.is_some());
    assert!(shown.head.is_none());
    assert_eq!(shown.deliveries.len(), 1);
    assert_eq!(shown.attempts.len(), 1);
    assert_eq!(shown.attempts[0].status, Some(500));
    assert_eq!(shown.attempts[0].response, None);
    let body = operations.body(fixture.ids[0]).await.expect("read");
    assert_eq!(body, Some(Err(shown.broken.expect("a reason"))));
}

#[tokio::test]
async fn the_stats_name_the_destinations_that_are_not_configured() {
    let states = [Pending("shop"), Dead("old"), Pending("mail")];
    let fixture = Fixture::sqlite().await.with(&states).await;
    let stats = fixture.operations().stats().await.expect("read");
    let queues = stats.destinations.iter();
    let queues: Vec<_> = queues
        .map(|queue| (queue.destination.as_deref(), queue.configured))
        .collect();
    let expected = [
        (Some("mail"), true),
        (Some("old"), false),
        (Some("shop"), true),
    ];
    assert_eq!(queues, expected);
    assert_eq!(stats.outage, None);
    assert_eq!((stats.events, stats.max_events), (3, 1_000_000));
}

/// Scripts read this JSON, whose form the commands and the API share.
#[tokio::test]
async fn the_fields_of_the_json_stay_as_they_are() {
    let states = [Pending("shop"), Dead("shop"), Pending("mail")];
    let fixture = Fixture::sqlite().await.with(&states).await;
    let operations = fixture.operations();
    let fields = |value: &serde_json::Value| {
        let object = value.as_object().expect("an object");
        let names: Vec<_> = object.keys().map(String::as_str).collect();
        names.join(" ")
    };
    let listed = operations.list(page(9)).await.expect("listed");
    let listed = serde_json::to_value(&listed.items[0]).expect("JSON");
    assert_eq!(
        fields(&listed),
        "id endpoint destination kind state received attempts due last status reason response \
         copy seen first_received size"
    );
    let shown = operations.show(fixture.ids[0]).await.expect("read");
    let shown = serde_json::to_value(shown).expect("JSON");
    assert_eq!(
        fields(&shown),
        "id endpoint kind received intact broken head deliveries attempts"
    );
    assert_eq!(fields(&shown["head"]), "method target secret peer headers");
    let stats = operations.stats().await.expect("read");
    let stats = serde_json::to_value(stats).expect("JSON");
    assert_eq!(
        fields(&stats),
        "events max_events bytes max_bytes wal_bytes trouble destinations"
    );
    assert_eq!(
        fields(&stats["destinations"][0]),
        "destination configured pending dead quarantined oldest"
    );
}
