//! The retries of a delivery.

use std::time::{Duration, UNIX_EPOCH};

use standardwebhooks::Webhook;
use tower_cartgate::Secret;

use super::{
    app::App,
    fixture::{Fixture, HOUR, MINUTE, SECOND, START, queue, with_settings},
};
use crate::{
    delivery::event::DeliveryState,
    destination::{Settings as DestinationSettings, webhooks::Signer},
    inbox::{Schedule, finished_attempt::AttemptResult},
    runtime::clock::{Clock, Millis},
};

#[tokio::test]
async fn a_day_of_attempts_ends_as_a_dead_letter() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let id = fixture.insert(1, &["app"]).await;
    // The waits are a tenth longer than the schedule: half of the jitter.
    for (number, wait) in (1..).zip([5_500, 330_000, 1_980_000, 7_920_000, 19_800_000]) {
        let request = app.next().await;
        assert_eq!(
            request.header("x-cartgate-attempt"),
            Some(&*number.to_string())
        );
        assert_eq!(
            request.header("x-cartgate-received"),
            Some("2027-01-15T08:00:00.000Z")
        );
        assert_eq!(request.body, b"body 1");
        request.respond("500 Broken");
        let due = fixture.clock.now() + wait;
        let listed = fixture.after(number, id, "app").await;
        assert_eq!(
            (listed.state, listed.due),
            (DeliveryState::Pending, Some(due))
        );
        assert_eq!(listed.status, Some(500));
        assert_eq!(listed.reason.as_deref(), Some("destination-answered"));
        fixture
            .clock
            .advance(Duration::from_millis(u64::try_from(wait).unwrap() - 1));
        assert_eq!(
            fixture
                .store
                .claim(&"app".into(), 9, SECOND)
                .await
                .unwrap()
                .len(),
            0
        );
        assert!(app.is_idle());
        fixture.clock.advance(SECOND);
    }
    for number in 6..8 {
        app.next().await.respond("404 Not Found");
        let due = fixture.clock.now() + 39_600_000;
        assert_eq!(fixture.after(number, id, "app").await.due, Some(due));
        fixture.clock.advance(11 * HOUR + SECOND);
    }
    app.next().await.respond("404 Not Found");
    let listed = fixture.after(8, id, "app").await;
    assert_eq!(
        (listed.state, listed.status),
        (DeliveryState::Dead, Some(404))
    );
    fixture.clock.advance(100 * HOUR);
    let other = fixture.insert(2, &["app"]).await;
    assert_eq!(
        app.next().await.body,
        b"body 2",
        "and never again the first"
    );
    assert_eq!(
        fixture.listed(other, "app").await.state,
        DeliveryState::Pending
    );
}

#[tokio::test]
async fn a_gate_whose_clock_is_wrong_keeps_to_the_schedule() {
    for wrong_by in [-3_600_000, 3_600_000] {
        let mut app = App::start().await;
        let right = Clock::manual(START - wrong_by);
        let fixture = Fixture::with_store_clock(vec![queue("app", &app.url)], &right);
        let id = fixture.insert(1, &["app"]).await;
        let others = [
            fixture.insert(2, &["elsewhere"]).await,
            fixture.insert(3, &["elsewhere"]).await,
        ];
        for (number, wait) in (1..).zip([5_500, 330_000, 1_980_000]) {
            app.next().await.respond("500 Broken");
            let due = right.now() + wait;
            assert_eq!(fixture.after(number, id, "app").await.due, Some(due));
            let wait = Duration::from_millis(u64::try_from(wait).unwrap());
            right.advance(wait);
            fixture.clock.advance(wait + SECOND);
        }
        app.next().await.respond("200 OK");
        fixture.reaches(1, DeliveryState::Delivered).await;
        for other in others {
            assert_eq!(fixture.listed(other, "elsewhere").await.attempts, 0);
        }
    }
}

#[tokio::test]
async fn an_app_says_when_it_wants_it_again() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let ids = [
        fixture.insert(1, &["app"]).await,
        fixture.insert(2, &["app"]).await,
        fixture.insert(3, &["app"]).await,
    ];
    let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(START).unwrap()) + 90 * SECOND;
    let date = format!("Retry-After: {}\r\n", httpdate::fmt_http_date(time));
    let waits = [
        ("Retry-After: 60\r\n", 60_000),
        (&date, 90_000),
        ("Retry-After: 1\r\n", 5_500),
    ];
    for (lines, _) in waits {
        app.next().await.respond_with("400 Later", lines, "x");
    }
    for (id, (lines, wait)) in ids.into_iter().zip(waits) {
        let listed = fixture.after(1, id, "app").await;
        assert_eq!(listed.due, Some(START + wait as Millis), "{lines}");
    }
}

#[tokio::test]
async fn what_is_gone_is_dead_at_once_and_what_is_taken_is_delivered() {
    let mut app = App::start().await;
    let mut lone = queue("lone", &app.url);
    lone.schedule = Schedule::new(Vec::new());
    let fixture = Fixture::new(vec![queue("app", &app.url), lone]);
    let ids = [1, 2, 3].map(|number| fixture.insert(number, &["app"]));
    let ids = futures_util::future::join_all(ids).await;
    for status in ["410 Gone", "204 None", "302 Elsewhere"] {
        app.next().await.respond(status);
        // One after the other, so that each request belongs to a known event.
        let _ = fixture.all().await;
    }
    let mut found = Vec::new();
    for id in ids {
        let listed = fixture.after(1, id, "app").await;
        found.push((listed.state, listed.status));
    }
    found.sort_by_key(|(_, status)| *status);
    let expected = [
        (DeliveryState::Delivered, Some(204)),
        (DeliveryState::Pending, Some(302)),
        (DeliveryState::Dead, Some(410)),
    ];
    assert_eq!(found, expected);
    let id = fixture.insert(4, &["lone"]).await;
    app.next().await.respond("500 Broken");
    let listed = fixture.after(1, id, "lone").await;
    assert_eq!(
        (listed.state, listed.status),
        (DeliveryState::Dead, Some(500)),
        "one attempt"
    );
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_given_up_and_a_head_counts_without_its_body() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let first = fixture.insert(1, &["app"]).await;
    let never = app.next().await;
    fixture.clock.advance(30 * SECOND);
    let listed = fixture.after(0, first, "app").await;
    assert_eq!(listed.reason.as_deref(), Some("destination-answer-timeout"));
    assert_eq!(
        (listed.state, listed.status),
        (DeliveryState::Pending, None)
    );
    let attempts = fixture.inbox.attempts.of(first);
    assert_eq!(attempts.len(), 1);
    assert_eq!(
        (attempts[0].number, attempts[0].started, attempts[0].result),
        (1, START, AttemptResult::Deferred)
    );
    drop(never);

    fixture.clock.advance(MINUTE);
    let half = app.next().await;
    half.respond_half("200 OK");
    // The gate reads until the timeout.
    let begun = tokio::time::Instant::now();
    while fixture.listed(first, "app").await.state != DeliveryState::Delivered {
        assert!(begun.elapsed() < super::app::TIMEOUT);
        fixture.clock.advance(SECOND);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(fixture.after(1, first, "app").await.status, Some(200));
}

#[tokio::test]
async fn each_attempt_is_signed_anew_with_its_own_time() {
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let signer = Signer::new(&Secret::new(SECRET).unwrap()).unwrap();
    let signed = DestinationSettings {
        sign: Some(signer),
        ..DestinationSettings::default()
    };
    let mut app = App::start().await;
    let mut queue = with_settings("app", &app.url, signed);
    queue.schedule = Schedule::new(vec![3 * HOUR]);
    let fixture = Fixture::new(vec![queue]);
    let id = fixture.insert(1, &["app"]).await;
    let theirs = Webhook::new(SECRET).unwrap();
    let seconds = START / 1000;
    // The wait is a tenth longer than that of the schedule.
    for (number, at) in [(1, seconds), (2, seconds + 11_880)] {
        let request = app.next().await;
        let said = |name| request.header(name).unwrap().to_owned();
        assert_eq!(said("webhook-id"), id.to_string());
        assert_eq!(said("webhook-timestamp"), at.to_string());
        let expected = theirs.sign(&id.to_string(), at, &request.body).unwrap();
        assert_eq!(said("webhook-signature"), expected);
        request.respond("500 Broken");
        fixture.after(number, id, "app").await;
        fixture.clock.advance(Duration::from_secs(11_880));
    }
}
