//! Destinations that are down, and events that bring their destination down.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    app::{App, Request, TIMEOUT},
    faults::{Faults, FaultyStore},
    fixture::{Fixture, HOUR, MINUTE, SECOND, queue},
};
use crate::{
    delivery::event::DeliveryState,
    inbox::{Queue, Schedule, store::Selection},
};

/// A queue whose events become dead letters when their first attempt is rejected.
fn strict(url: &str) -> Queue {
    Queue {
        schedule: Schedule::new(Vec::new()),
        ..queue("app", url)
    }
}

async fn three(fixture: &Fixture) -> [Uuid; 3] {
    [
        fixture.insert(1, &["app"]).await,
        fixture.insert(2, &["app"]).await,
        fixture.insert(3, &["app"]).await,
    ]
}

/// Returns the next request, which must be for the event of this number.
async fn next(app: &mut App, number: u32) -> Request {
    let request = app.next().await;
    let body = String::from_utf8_lossy(&request.body).into_owned();
    assert_eq!(body, format!("body {number}"));
    request
}

/// Responds to the requests of these events, in any order.
async fn respond_all(app: &mut App, numbers: &[u32], status: &str) {
    let mut came = Vec::new();
    for _ in numbers {
        let request = app.next().await;
        came.push(String::from_utf8_lossy(&request.body).into_owned());
        request.respond(status);
    }
    came.sort();
    let mut expected: Vec<_> = numbers
        .iter()
        .map(|number| format!("body {number}"))
        .collect();
    expected.sort();
    assert_eq!(came, expected);
}

fn only(id: Uuid) -> Selection {
    Selection {
        ids: vec![id],
        ..Selection::default()
    }
}

#[tokio::test]
async fn a_destination_that_is_down_costs_no_attempt_and_each_event_probes_it_in_turn() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![strict(&app.url)]);
    let mut ids = Vec::new();
    for number in 1..=20 {
        ids.push(fixture.insert(number, &["app"]).await);
    }
    next(&mut app, 1)
        .await
        .respond_with("503 Full", "", "later\nplease");
    let first = fixture.after(0, ids[0], "app").await;
    assert_eq!(
        (first.state, first.status),
        (DeliveryState::Pending, Some(503))
    );
    fixture.wake();
    fixture.clock.advance(SECOND / 2);
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle());
    // The next probe, after a second, breaks off. The wait doubles after each.
    fixture.clock.advance(SECOND / 2);
    drop(next(&mut app, 2).await);
    let second = fixture.after(0, ids[1], "app").await;
    assert_eq!(second.reason.as_deref(), Some("destination-broke-off"));
    fixture.clock.advance(SECOND);
    fixture.wake();
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle());
    fixture.clock.advance(SECOND);
    let probe = next(&mut app, 3).await;
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle(), "one at a time");
    probe.respond("200 OK");
    // The oldest event is first, and alone.
    let oldest = next(&mut app, 1).await;
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle(), "not all at once");
    oldest.respond("200 OK");
    let rest: Vec<_> = [2].into_iter().chain(4..=20).collect();
    respond_all(&mut app, &rest, "200 OK").await;
    fixture.reaches(20, DeliveryState::Delivered).await;
    assert!(fixture.all().await.iter().all(|one| one.attempts == 1));
}

#[tokio::test]
async fn an_event_that_crashes_its_app_holds_up_no_other_and_becomes_a_dead_letter() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![Queue {
        schedule: Schedule::new(vec![MINUTE]),
        ..queue("app", &app.url)
    }]);
    let ids = three(&fixture).await;
    // While no other event gets a response, the app may be down.
    drop(next(&mut app, 1).await);
    fixture.after(0, ids[0], "app").await;
    fixture.clock.advance(SECOND);
    next(&mut app, 2).await.respond("200 OK");
    let alone = next(&mut app, 1).await;
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle(), "nothing is under way beside a suspect");
    drop(alone);
    let counted = fixture.after(1, ids[0], "app").await;
    assert_eq!(counted.due, counted.last.map(|last| last + 66_000));
    next(&mut app, 3).await.respond("200 OK");
    fixture.after(1, ids[2], "app").await;
    fixture.clock.advance(2 * MINUTE);
    drop(next(&mut app, 1).await);
    let dead = fixture.after(2, ids[0], "app").await;
    assert_eq!(dead.state, DeliveryState::Dead);
    assert_eq!(dead.reason.as_deref(), Some("destination-broke-off"));
    let fourth = fixture.insert(4, &["app"]).await;
    next(&mut app, 4).await.respond("200 OK");
    fixture.after(1, fourth, "app").await;
}

/// Delivers the event of this number, which shows that the app responds.
async fn responds(fixture: &Fixture, app: &mut App, number: u32) {
    let before = fixture.all().await.len();
    fixture.insert(number, &["app"]).await;
    next(app, number).await.respond("200 OK");
    fixture.reaches(before + 1, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn an_event_that_hangs_in_its_app_holds_up_no_other_and_counts() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let timeout = queue("app", &app.url).timeout;
    responds(&fixture, &mut app, 1).await;
    let slow = fixture.insert(2, &["app"]).await;
    let first = next(&mut app, 2).await;
    fixture.insert(3, &["app"]).await;
    next(&mut app, 3).await.respond("200 OK");
    fixture.reaches(2, DeliveryState::Delivered).await;
    fixture.clock.advance(timeout);
    fixture.after(0, slow, "app").await;
    // The event is retried beside others.
    let second = next(&mut app, 2).await;
    fixture.insert(4, &["app"]).await;
    next(&mut app, 4).await.respond("200 OK");
    fixture.reaches(3, DeliveryState::Delivered).await;
    fixture.clock.advance(timeout);
    let counted = fixture.after(1, slow, "app").await;
    assert_eq!(
        counted.reason.as_deref(),
        Some("destination-answer-timeout")
    );
    fixture.insert(5, &["app"]).await;
    next(&mut app, 5).await.respond("200 OK");
    fixture.reaches(4, DeliveryState::Delivered).await;
    drop((first, second));
}

#[tokio::test]
async fn an_app_that_rejects_a_part_as_too_much_is_not_down() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    responds(&fixture, &mut app, 1).await;
    responds(&fixture, &mut app, 2).await;
    let late = fixture.insert(3, &["app"]).await;
    let rejected = next(&mut app, 3).await;
    fixture.insert(4, &["app"]).await;
    next(&mut app, 4).await.respond("200 OK");
    fixture.reaches(3, DeliveryState::Delivered).await;
    rejected.respond("503 Full");
    fixture.after(0, late, "app").await;
    // The retry is at once, because the clock has not moved.
    next(&mut app, 3).await.respond("200 OK");
    fixture.reaches(4, DeliveryState::Delivered).await;
    assert!(fixture.all().await.iter().all(|one| one.attempts == 1));
}

#[tokio::test]
async fn an_app_that_is_restarted_takes_no_attempt_from_what_was_under_way() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![strict(&app.url)]);
    for number in 1..=3 {
        fixture.insert(number, &["app"]).await;
        app.next().await.respond("200 OK");
    }
    fixture.reaches(3, DeliveryState::Delivered).await;
    for _ in 0..3 {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let number = 100 + u32::try_from(fixture.all().await.len()).unwrap();
            ids.push(fixture.insert(number, &["app"]).await);
        }
        let under_way = [app.next().await, app.next().await, app.next().await];
        drop(under_way);
        for id in ids {
            fixture.after(0, id, "app").await;
        }
        fixture.clock.advance(SECOND);
        for _ in 0..3 {
            app.next().await.respond("200 OK");
        }
        let all = fixture.all().await.len();
        fixture.reaches(all, DeliveryState::Delivered).await;
    }
    assert!(fixture.all().await.iter().all(|one| one.attempts == 1));
}

#[tokio::test]
async fn a_command_ends_the_wait_for_a_destination() {
    let mut app = App::start().await;
    let faults = Arc::new(Faults::default());
    let own = Arc::clone(&faults);
    let fixture = Fixture::with_store(vec![strict(&app.url)], |store| {
        Arc::new(FaultyStore { store, faults: own })
    });
    let ids = three(&fixture).await;
    let day = "Retry-After: 86400\r\n";
    next(&mut app, 1).await.respond_with("503 Full", day, "");
    fixture.after(0, ids[0], "app").await;
    for number in [2, 3, 1] {
        // The queue looks for a command every second.
        let (before, begun) = (faults.looks.load(SeqCst), Instant::now());
        while faults.looks.load(SeqCst) < before + 3 {
            assert!(begun.elapsed() < TIMEOUT);
            fixture.clock.advance(SECOND / 10);
            sleep(Duration::from_millis(1)).await;
        }
        assert!(app.is_idle());
        assert_eq!(
            fixture.store.requeue(only(ids[0]), None, 1).await.unwrap(),
            1
        );
        fixture.clock.advance(SECOND);
        next(&mut app, number)
            .await
            .respond_with("503 Full", day, "");
        fixture.settled(ids[number as usize - 1], "app").await;
    }
    // Without a command, too, the wait is far shorter than a day.
    fixture.clock.advance(5 * MINUTE);
    next(&mut app, 2).await.respond("200 OK");
    next(&mut app, 1).await.respond("200 OK");
    next(&mut app, 3).await.respond("200 OK");
    fixture.reaches(3, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn what_waits_under_a_clock_that_was_ahead_waits_no_longer_than_its_schedule() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    fixture.clock.advance(10 * HOUR);
    let ids = three(&fixture).await;
    next(&mut app, 1).await.respond("500 Broken");
    respond_all(&mut app, &[2, 3], "500 Broken").await;
    for id in ids {
        fixture.after(1, id, "app").await;
    }
    fixture.clock.put_back(10 * HOUR);
    let (begun, due) = (Instant::now(), Some(fixture.clock.now() + 5_500));
    for id in ids {
        while fixture.listed(id, "app").await.due != due {
            assert!(begun.elapsed() < TIMEOUT);
            sleep(Duration::from_millis(1)).await;
        }
    }
    fixture.clock.advance(4 * SECOND);
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle());
    fixture.clock.advance(2 * SECOND);
    respond_all(&mut app, &[1, 2, 3], "200 OK").await;
    fixture.reaches(3, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn a_failed_attempt_shows_what_the_app_responded() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let ids = three(&fixture).await;
    for (status, lines, body) in [
        ("500 Broken", "", "\r\nno such product \r\nmore"),
        ("410 Gone", "", ""),
        ("422 No", "Content-Encoding: gzip\r\n", "\u{1f}\u{8b}"),
    ] {
        app.next().await.respond_with(status, lines, body);
    }
    let mut responses = Vec::new();
    for id in ids {
        let stored = fixture.after(1, id, "app").await.stored_response;
        responses.push(stored.and_then(|stored| fixture.inbox.sealer.read_note(&stored)));
    }
    let expected = Some("no such product".into());
    assert_eq!(responses, [expected, None, None]);
}
