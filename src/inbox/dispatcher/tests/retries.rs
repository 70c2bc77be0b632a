//! What becomes of a delivery by its attempts.

use std::time::{Duration, UNIX_EPOCH};

use standardwebhooks::Webhook;
use tower_cartgate::Secret;

use super::{
    app::App,
    bed::{Bed, HOUR, MINUTE, SECOND, START, queue, treated},
};
use crate::{
    delivery::event::DeliveryState,
    destination::{Settings as Treatment, webhooks::Signer},
    inbox::Schedule,
    runtime::clock::{Clock, Millis},
};

#[tokio::test]
async fn a_day_of_attempts_ends_as_a_dead_letter() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    let id = bed.keep(1, &["app"]).await;
    // By a tenth longer than the schedule: chance says a half of a fifth.
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
        request.answer("500 Broken");
        let due = bed.clock.now() + wait;
        let listed = bed.after(number, id, "app").await;
        assert_eq!(
            (listed.state, listed.due),
            (DeliveryState::Pending, Some(due))
        );
        assert_eq!(listed.status, Some(500));
        assert_eq!(listed.reason.as_deref(), Some("destination-answered"));
        bed.clock
            .advance(Duration::from_millis(u64::try_from(wait).unwrap() - 1));
        assert_eq!(
            bed.store
                .claim(&"app".into(), 9, SECOND)
                .await
                .unwrap()
                .len(),
            0
        );
        assert!(app.is_idle());
        bed.clock.advance(SECOND);
    }
    for number in 6..8 {
        app.next().await.answer("404 Not Found");
        let due = bed.clock.now() + 39_600_000;
        assert_eq!(bed.after(number, id, "app").await.due, Some(due));
        bed.clock.advance(11 * HOUR + SECOND);
    }
    app.next().await.answer("404 Not Found");
    let listed = bed.after(8, id, "app").await;
    assert_eq!(
        (listed.state, listed.status),
        (DeliveryState::Dead, Some(404))
    );
    bed.clock.advance(100 * HOUR);
    let other = bed.keep(2, &["app"]).await;
    assert_eq!(
        app.next().await.body,
        b"body 2",
        "and never again the first"
    );
    assert_eq!(bed.listed(other, "app").await.state, DeliveryState::Pending);
}

#[tokio::test]
async fn a_gate_whose_clock_is_wrong_keeps_to_the_schedule() {
    for wrong_by in [-3_600_000, 3_600_000] {
        let mut app = App::start().await;
        let right = Clock::manual(START - wrong_by);
        let bed = Bed::beside(vec![queue("app", &app.url)], &right);
        let id = bed.keep(1, &["app"]).await;
        let others = [
            bed.keep(2, &["elsewhere"]).await,
            bed.keep(3, &["elsewhere"]).await,
        ];
        for (number, wait) in (1..).zip([5_500, 330_000, 1_980_000]) {
            app.next().await.answer("500 Broken");
            let due = right.now() + wait;
            assert_eq!(bed.after(number, id, "app").await.due, Some(due));
            let wait = Duration::from_millis(u64::try_from(wait).unwrap());
            right.advance(wait);
            bed.clock.advance(wait + SECOND);
        }
        app.next().await.answer("200 OK");
        bed.reaches(1, DeliveryState::Delivered).await;
        for other in others {
            assert_eq!(bed.listed(other, "elsewhere").await.attempts, 0);
        }
    }
}

#[tokio::test]
async fn an_app_says_when_it_wants_it_again() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    let ids = [
        bed.keep(1, &["app"]).await,
        bed.keep(2, &["app"]).await,
        bed.keep(3, &["app"]).await,
    ];
    let time = UNIX_EPOCH + Duration::from_millis(u64::try_from(START).unwrap()) + 90 * SECOND;
    let date = format!("Retry-After: {}\r\n", httpdate::fmt_http_date(time));
    let waits = [
        ("Retry-After: 60\r\n", 60_000),
        (&date, 90_000),
        ("Retry-After: 1\r\n", 5_500),
    ];
    for (lines, _) in waits {
        app.next().await.answer_with("400 Later", lines, "x");
    }
    for (id, (lines, wait)) in ids.into_iter().zip(waits) {
        let listed = bed.after(1, id, "app").await;
        assert_eq!(listed.due, Some(START + wait as Millis), "{lines}");
    }
}

#[tokio::test]
async fn what_is_gone_is_dead_at_once_and_what_is_taken_is_delivered() {
    let mut app = App::start().await;
    let mut lone = queue("lone", &app.url);
    lone.schedule = Schedule::new(Vec::new());
    let bed = Bed::new(vec![queue("app", &app.url), lone]);
    let ids = [1, 2, 3].map(|number| bed.keep(number, &["app"]));
    let ids = futures_util::future::join_all(ids).await;
    for status in ["410 Gone", "204 None", "302 Elsewhere"] {
        app.next().await.answer(status);
        // One after the other, so that it is known which is which.
        let _ = bed.all().await;
    }
    let mut found = Vec::new();
    for id in ids {
        let listed = bed.after(1, id, "app").await;
        found.push((listed.state, listed.status));
    }
    found.sort_by_key(|(_, status)| *status);
    let expected = [
        (DeliveryState::Delivered, Some(204)),
        (DeliveryState::Pending, Some(302)),
        (DeliveryState::Dead, Some(410)),
    ];
    assert_eq!(found, expected);
    let id = bed.keep(4, &["lone"]).await;
    app.next().await.answer("500 Broken");
    let listed = bed.after(1, id, "lone").await;
    assert_eq!(
        (listed.state, listed.status),
        (DeliveryState::Dead, Some(500)),
        "one attempt"
    );
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_given_up_and_a_head_counts_without_its_body() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    let first = bed.keep(1, &["app"]).await;
    let never = app.next().await;
    bed.clock.advance(30 * SECOND);
    let listed = bed.after(0, first, "app").await;
    assert_eq!(listed.reason.as_deref(), Some("destination-answer-timeout"));
    assert_eq!(
        (listed.state, listed.status),
        (DeliveryState::Pending, None)
    );
    drop(never);

    bed.clock.advance(MINUTE);
    let half = app.next().await;
    half.answer_half("200 OK");
    // The gate reads on until the time-out.
    let begun = tokio::time::Instant::now();
    while bed.listed(first, "app").await.state != DeliveryState::Delivered {
        assert!(begun.elapsed() < super::app::PATIENCE);
        bed.clock.advance(SECOND);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(bed.after(1, first, "app").await.status, Some(200));
}

#[tokio::test]
async fn each_attempt_is_signed_anew_with_its_own_time() {
    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let signer = Signer::new(&Secret::new(SECRET).unwrap()).unwrap();
    let signed = Treatment {
        sign: Some(signer),
        ..Treatment::default()
    };
    let mut app = App::start().await;
    let mut queue = treated("app", &app.url, signed);
    queue.schedule = Schedule::new(vec![3 * HOUR]);
    let bed = Bed::new(vec![queue]);
    let id = bed.keep(1, &["app"]).await;
    let theirs = Webhook::new(SECRET).unwrap();
    let seconds = START / 1000;
    // The wait is longer than the schedule's by a tenth.
    for (number, at) in [(1, seconds), (2, seconds + 11_880)] {
        let request = app.next().await;
        let said = |name| request.header(name).unwrap().to_owned();
        assert_eq!(said("webhook-id"), id.to_string());
        assert_eq!(said("webhook-timestamp"), at.to_string());
        let expected = theirs.sign(&id.to_string(), at, &request.body).unwrap();
        assert_eq!(said("webhook-signature"), expected);
        request.answer("500 Broken");
        bed.after(number, id, "app").await;
        bed.clock.advance(Duration::from_secs(11_880));
    }
}
