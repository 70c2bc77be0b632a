//! Tests of the whole profile: from samples to views, stored bytes and suggestions.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use http::Request;
use serde_json::{Value, json};
use tower_cartgate::{EventKind, Keyring, Policy, Secret, Signer};

use super::{
    book::Book,
    digest::{DigestKey, DigestPurpose},
    learned::{BodyFacts, Facts},
    profiler::Profiler,
    reading::PayloadReading,
    sample::VerifiedSample,
    view::EndpointView,
};
use crate::{
    destination::{Destination, Settings},
    endpoint::{Endpoint, PathRule},
    runtime::clock::Millis,
};

/// 2026-11-28T12:00:00Z.
const START: Millis = 1_795_867_200_000;

const PLANTED: [&str; 6] = [
    "planted-id-",
    "planted@example.com",
    "order.planted",
    "Planted Street",
    "planted-key",
    "2026-11-28T",
];

fn key() -> DigestKey {
    DigestKey::new(&[7; 32])
}

/// Learns a JSON body, sent at `received`.
fn learn(book: &mut Book, endpoint: &str, received: Millis, payload: &Value) {
    let body = serde_json::to_vec(payload).expect("JSON");
    let facts = Facts {
        received,
        durable: true,
        kind: EventKind::Other,
        method: "POST",
        content_type: Some("application/json"),
        headers: vec!["host", "user-agent"],
        length: body.len() as u64,
        body: BodyFacts::Read {
            digest: key().digest(DigestPurpose::Payload, &body),
            reading: PayloadReading::of(&body, &key(), received),
        },
    };
    book.learn(endpoint, &facts);
}

fn order(index: i64, received: Millis) -> Value {
    let kinds = ["order.planted", "cart.planted"];
    json!({
        "event": kinds[usize::from(index % 3 == 0)],
        "sent_at": humantime::format_rfc3339_seconds(crate::runtime::clock::system_time(received)).to_string(),
        "created": (received / 1_000) - 90 * 24 * 3_600 - index,
        "order": {
            "id": format!("planted-id-{index}"),
            "currency": "EUR",
            "total": 19.9,
            "customer": {"id": 1_000 + index, "email": format!("{index}planted@example.com"), "street": "Planted Street"},
            "notes": {"planted-key-1234567": 1},
        },
    })
}

fn learned(bodies: i64) -> Book {
    let mut book = Book::new(key());
    for index in 0..bodies {
        let received = START + index * 60_000;
        learn(&mut book, "orders", received, &order(index, received));
    }
    book
}

fn view(book: &Book) -> EndpointView {
    book.view("orders", Some(true))
}

#[test]
fn a_profile_suggests_settings() {
    let view = view(&learned(60));
    let suggestions = &view.suggestions;
    let event = suggestions.event.as_ref().expect("an event");
    assert_eq!((&*event.pointer, event.others.len()), ("/event", 0));
    let unique = suggestions.unique.as_ref().expect("an id");
    assert_eq!((&*unique.pointer, unique.others.len()), ("/order/id", 0));
    let fresh = suggestions.fresh.as_ref().expect("a time");
    assert_eq!((&*fresh.pointer, &*fresh.within), ("/sent_at", "1d"));
    assert!(fresh.others.is_empty(), "an old time is no time of sending");
    assert!(
        view.toml.contains("unique = \"/order/id\"\n"),
        "{}",
        view.toml
    );
}

#[test]
fn a_suggestion_needs_evidence() {
    let view = view(&learned(19));
    let suggestions = &view.suggestions;
    assert!(suggestions.event.is_none());
    assert!(view.toml.is_empty());
    let view = self::view(&learned(49));
    assert!(view.suggestions.event.is_some());
    assert!(view.suggestions.unique.is_none() && view.suggestions.fresh.is_none());
}

#[test]
fn ids_may_be_numbers_and_those_of_people_and_products_are_left_out() {
    let mut book = Book::new(key());
    for index in 0..60 {
        let payload = json!({
            "orderNumber": 1_000 + index,
            "customerId": 2_000 + index,
            "shop": {"id": format!("s-{index}")},
            "items": [{"id": index}],
            "total_cents": 3_000 + index,
        });
        learn(&mut book, "orders", START + index, &payload);
    }
    let unique = view(&book).suggestions.unique.expect("an id");
    assert_eq!(unique.pointer, "/orderNumber");
    assert!(unique.others.is_empty(), "{:?}", unique.others);
}

#[test]
fn a_value_that_came_twice_is_not_suggested_as_unique() {
    let mut book = learned(60);
    let received = START + 9_000_000;
    let mut again = order(7, received);
    again["order"]["total"] = json!(1);
    learn(&mut book, "orders", received, &again);
    assert!(view(&book).suggestions.unique.is_none());
}

#[test]
fn a_unique_value_of_a_direct_endpoint_is_only_a_comment() {
    let toml = learned(60).view("orders", Some(false)).toml;
    assert!(toml.contains("# unique = \"/order/id\""), "{toml}");
}

#[test]
fn no_value_is_shown_or_stored() {
    let mut book = learned(200);
    let shown = serde_json::to_string(&view(&book)).expect("JSON");
    let stored = book.unsaved(START, true).remove(0).1;
    let stored = String::from_utf8_lossy(&stored).into_owned();
    for planted in PLANTED.iter().chain(&["EUR", "19.9", "order.", "cart."]) {
        // The times of learning are in the view, and no times of the payload.
        if *planted != "2026-11-28T" {
            assert!(!shown.contains(planted), "{planted}: {shown}");
        }
        assert!(!stored.contains(planted), "{planted}");
    }
    assert!(shown.contains("/order/customer/email") && stored.contains("email"));
}

#[test]
fn a_profile_survives_a_restart() {
    let mut book = learned(60);
    let before = serde_json::to_value(view(&book)).expect("JSON");
    let stored = book.unsaved(START, true);
    assert_eq!(stored.len(), 1);
    assert!(
        book.unsaved(START, true).is_empty(),
        "nothing has changed since"
    );
    let mut next = Book::new(key());
    next.adopt("orders", &stored[0].1).expect("usable");
    assert_eq!(serde_json::to_value(view(&next)).expect("JSON"), before);
    // Values are still compared with those from before.
    let received = START + 9_000_000;
    let mut again = order(7, received);
    again["order"]["total"] = json!(1);
    learn(&mut next, "orders", received, &again);
    assert!(view(&next).suggestions.unique.is_none());
}

#[test]
fn of_two_gates_the_one_that_learned_more_wins_unless_the_other_was_accepted_later() {
    let (mut small, mut large) = (learned(10), learned(20));
    let encoded = |book: &mut Book| book.unsaved(START, true).remove(0).1;
    let (of_small, of_large) = (encoded(&mut small), encoded(&mut large));
    large.adopt("orders", &of_small).expect("usable");
    assert_eq!(view(&large).deliveries, 20);
    small.adopt("orders", &of_large).expect("usable");
    assert_eq!(view(&small).deliveries, 20);
    assert!(
        small.unsaved(START, true).is_empty(),
        "it is the stored one"
    );

    let mut accepted = learned(10);
    accepted.accept("orders", START);
    large
        .adopt("orders", &encoded(&mut accepted))
        .expect("usable");
    assert_eq!(view(&large).deliveries, 10);
}

#[test]
fn a_busy_profile_is_not_stored_every_minute() {
    let mut book = learned(101);
    assert_eq!(book.unsaved(START, false).len(), 1);
    learn(&mut book, "orders", START, &json!({"a": 1}));
    assert!(book.unsaved(START + 60_000, false).is_empty());
    assert_eq!(book.unsaved(START + 600_000, false).len(), 1);
    book.not_saved("orders");
    assert_eq!(book.unsaved(START + 600_000, false).len(), 1);
}

#[test]
fn retries_are_counted_once() {
    let mut book = Book::new(key());
    let payload = json!({"id": "a"});
    for second in [0, 5, 35] {
        learn(&mut book, "orders", START + second * 1_000, &payload);
    }
    let view = view(&book);
    assert_eq!((view.deliveries, view.bodies), (3, 1));
    assert_eq!((view.repeats.bodies, view.repeats.most), (1, 3));
    let spacing = view.repeats.spacing.iter();
    let spacing: Vec<_> = spacing
        .map(|one| (one.repeat, one.p50_ms / 1_000))
        .collect();
    assert_eq!(spacing, [(1, 5), (2, 30)]);
}

#[test]
fn the_number_of_endpoints_is_bounded() {
    let mut book = Book::new(key());
    for index in 0..100 {
        learn(&mut book, &format!("e{index}"), START, &json!({}));
    }
    assert_eq!(book.endpoints().len(), 64);
    book.retain(|name| name == "e1");
    assert_eq!(book.endpoints(), ["e1"]);
}

fn endpoint() -> Arc<Endpoint> {
    let secret = Secret::new("a secret of the tests").expect("not empty");
    let address = "http://127.0.0.1:1".parse().expect("an address");
    let destination = Destination::new("app", address, Settings::default(), 1);
    Arc::new(Endpoint::new(
        "orders",
        PathRule::All,
        Policy::new(Keyring::single(secret)),
        Vec::new(),
        Arc::new(destination.expect("plain HTTP needs no certificate")),
    ))
}

/// Returns a sample of a verified delivery.
fn sample(endpoint: &Arc<Endpoint>, body: &str) -> VerifiedSample {
    let secret = Secret::new("a secret of the tests").expect("not empty");
    let request = Request::post("/hooks?planted=1")
        .header("content-type", "application/json; planted=1")
        .header("x-name", "planted-value")
        .header("x-planted-1234567", "1");
    let mut request = request.body(body.to_owned()).expect("a request");
    Signer::new(&secret).sign_request(&mut request);
    let (head, body) = request.into_parts();
    let verified = tower_cartgate::verify(&endpoint.policy, &head.headers, body);
    VerifiedSample::new(endpoint, &head, &verified.expect("genuine"))
}

/// Waits until the thread has learned so many deliveries.
fn wait_for(profiler: &Profiler, deliveries: u64) -> EndpointView {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let view = profiler.endpoint("orders", false);
        if view.deliveries >= deliveries {
            return view;
        }
        assert!(Instant::now() < deadline, "{}", view.deliveries);
        std::thread::yield_now();
    }
}

#[test]
fn a_worker_hands_over_only_wanted_deliveries() {
    let (profiler, endpoint) = (Profiler::start(key()), endpoint());
    let take = || {
        assert!(profiler.wants_sample());
        profiler.take(|| sample(&endpoint, "{}"));
    };
    assert!(!profiler.wants_sample(), "nothing was permitted");
    profiler.take(|| unreachable!("nobody wants it"));
    profiler.open();
    for _ in 0..64 {
        take();
    }
    assert!(!profiler.wants_sample(), "a burst is bounded");
    wait_for(&profiler, 64);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !profiler.is_idle() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    profiler.refill();
    take();
    assert!(!profiler.wants_sample(), "then there is one each second");
}

#[test]
fn bodies_that_wait_are_bounded() {
    let total = Arc::default();
    let endpoint = endpoint();
    let waiting = sample(&endpoint, "1234").counted_in(&total);
    let too_large = sample(&endpoint, &" ".repeat(600 * 1024)).counted_in(&total);
    assert_eq!(total.load(Relaxed), 4);
    drop((waiting, too_large));
    assert_eq!(total.load(Relaxed), 0);
}

#[test]
fn the_thread_learns_the_sender() {
    let (profiler, endpoint) = (Profiler::start(key()), endpoint());
    profiler.open();
    for _ in 0..2 {
        profiler.take(|| sample(&endpoint, r#"{"id":"planted"}"#));
    }
    profiler.take(|| sample(&endpoint, &" ".repeat(600 * 1024)));
    profiler.take(|| sample(&endpoint, "no JSON"));
    let view = wait_for(&profiler, 4);
    assert_eq!((view.bodies, view.not_json, view.too_large), (3, 1, 1));
    assert_eq!(view.methods[0].name, "POST");
    assert_eq!(view.content_types[0].name, "application/json");
    let headers: Vec<_> = view.headers.iter().map(|one| &*one.name).collect();
    assert_eq!(
        headers,
        ["content-type", "x-cartfunnel-hmac-sha256", "x-name"]
    );
    assert!(view.headers.iter().all(|one| one.always));
    let shown = serde_json::to_string(&view).expect("JSON");
    assert!(!shown.contains("planted"), "{shown}");
}
