//! Destinations that are down, and events that bring theirs down.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{
    app::{App, PATIENCE, Request},
    bed::{Bed, HOUR, MINUTE, SECOND, queue},
    trouble::{Faults, Moody},
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

async fn three(bed: &Bed) -> [Uuid; 3] {
    [
        bed.keep(1, &["app"]).await,
        bed.keep(2, &["app"]).await,
        bed.keep(3, &["app"]).await,
    ]
}

/// The next request, which is for the event of this number.
async fn next(app: &mut App, number: u32) -> Request {
    let request = app.next().await;
    let body = String::from_utf8_lossy(&request.body).into_owned();
    assert_eq!(body, format!("body {number}"));
    request
}

/// Answers as many requests as there are numbers, in whatever order they come.
async fn answer_all(app: &mut App, numbers: &[u32], status: &str) {
    let mut came = Vec::new();
    for _ in numbers {
        let request = app.next().await;
        came.push(String::from_utf8_lossy(&request.body).into_owned());
        request.answer(status);
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
    let bed = Bed::new(vec![strict(&app.url)]);
    let mut ids = Vec::new();
    for number in 1..=20 {
        ids.push(bed.keep(number, &["app"]).await);
    }
    next(&mut app, 1)
        .await
        .answer_with("503 Full", "", "later\nplease");
    let first = bed.after(0, ids[0], "app").await;
    assert_eq!(
        (first.state, first.status),
        (DeliveryState::Pending, Some(503))
    );
    bed.wake();
    bed.clock.advance(SECOND / 2);
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle());
    // The next one, after a second, breaks off; and so on, each after twice the wait.
    bed.clock.advance(SECOND / 2);
    drop(next(&mut app, 2).await);
    let second = bed.after(0, ids[1], "app").await;
    assert_eq!(second.reason.as_deref(), Some("destination-broke-off"));
    bed.clock.advance(SECOND);
    bed.wake();
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle());
    bed.clock.advance(SECOND);
    let probe = next(&mut app, 3).await;
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle(), "one at a time");
    probe.answer("200 OK");
    // The oldest first, and alone.
    let oldest = next(&mut app, 1).await;
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle(), "not all at once");
    oldest.answer("200 OK");
    let rest: Vec<_> = [2].into_iter().chain(4..=20).collect();
    answer_all(&mut app, &rest, "200 OK").await;
    bed.reaches(20, DeliveryState::Delivered).await;
    assert!(bed.all().await.iter().all(|one| one.attempts == 1));
}

#[tokio::test]
async fn an_event_that_crashes_its_app_holds_up_no_other_and_becomes_a_dead_letter() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![Queue {
        schedule: Schedule::new(vec![MINUTE]),
        ..queue("app", &app.url)
    }]);
    let ids = three(&bed).await;
    // While nothing else gets a response, it may be the app that is down.
    drop(next(&mut app, 1).await);
    bed.after(0, ids[0], "app").await;
    bed.clock.advance(SECOND);
    next(&mut app, 2).await.answer("200 OK");
    let alone = next(&mut app, 1).await;
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle(), "nothing is under way beside a suspect");
    drop(alone);
    let counted = bed.after(1, ids[0], "app").await;
    assert_eq!(counted.due, counted.last.map(|last| last + 66_000));
    next(&mut app, 3).await.answer("200 OK");
    bed.after(1, ids[2], "app").await;
    bed.clock.advance(2 * MINUTE);
    drop(next(&mut app, 1).await);
    let dead = bed.after(2, ids[0], "app").await;
    assert_eq!(dead.state, DeliveryState::Dead);
    assert_eq!(dead.reason.as_deref(), Some("destination-broke-off"));
    let fourth = bed.keep(4, &["app"]).await;
    next(&mut app, 4).await.answer("200 OK");
    bed.after(1, fourth, "app").await;
}

/// Delivers the event of this number, so that the app is known to respond.
async fn responds(bed: &Bed, app: &mut App, number: u32) {
    let before = bed.all().await.len();
    bed.keep(number, &["app"]).await;
    next(app, number).await.answer("200 OK");
    bed.reaches(before + 1, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn an_event_that_hangs_in_its_app_holds_up_no_other_and_counts() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    let timeout = queue("app", &app.url).timeout;
    responds(&bed, &mut app, 1).await;
    let slow = bed.keep(2, &["app"]).await;
    let first = next(&mut app, 2).await;
    bed.keep(3, &["app"]).await;
    next(&mut app, 3).await.answer("200 OK");
    bed.reaches(2, DeliveryState::Delivered).await;
    bed.clock.advance(timeout);
    bed.after(0, slow, "app").await;
    // It is tried once more, beside others.
    let second = next(&mut app, 2).await;
    bed.keep(4, &["app"]).await;
    next(&mut app, 4).await.answer("200 OK");
    bed.reaches(3, DeliveryState::Delivered).await;
    bed.clock.advance(timeout);
    let counted = bed.after(1, slow, "app").await;
    assert_eq!(
        counted.reason.as_deref(),
        Some("destination-answer-timeout")
    );
    bed.keep(5, &["app"]).await;
    next(&mut app, 5).await.answer("200 OK");
    bed.reaches(4, DeliveryState::Delivered).await;
    drop((first, second));
}

#[tokio::test]
async fn an_app_that_rejects_a_part_as_too_much_is_not_down() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    responds(&bed, &mut app, 1).await;
    responds(&bed, &mut app, 2).await;
    let late = bed.keep(3, &["app"]).await;
    let rejected = next(&mut app, 3).await;
    bed.keep(4, &["app"]).await;
    next(&mut app, 4).await.answer("200 OK");
    bed.reaches(3, DeliveryState::Delivered).await;
    rejected.answer("503 Full");
    bed.after(0, late, "app").await;
    // At once: no clock has moved.
    next(&mut app, 3).await.answer("200 OK");
    bed.reaches(4, DeliveryState::Delivered).await;
    assert!(bed.all().await.iter().all(|one| one.attempts == 1));
}

#[tokio::test]
async fn an_app_that_is_restarted_takes_no_attempt_from_what_was_under_way() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![strict(&app.url)]);
    for number in 1..=3 {
        bed.keep(number, &["app"]).await;
        app.next().await.answer("200 OK");
    }
    bed.reaches(3, DeliveryState::Delivered).await;
    for _ in 0..3 {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let number = 100 + u32::try_from(bed.all().await.len()).unwrap();
            ids.push(bed.keep(number, &["app"]).await);
        }
        let under_way = [app.next().await, app.next().await, app.next().await];
        drop(under_way);
        for id in ids {
            bed.after(0, id, "app").await;
        }
        bed.clock.advance(SECOND);
        for _ in 0..3 {
            app.next().await.answer("200 OK");
        }
        let all = bed.all().await.len();
        bed.reaches(all, DeliveryState::Delivered).await;
    }
    assert!(bed.all().await.iter().all(|one| one.attempts == 1));
}

#[tokio::test]
async fn a_command_ends_the_wait_for_a_destination() {
    let mut app = App::start().await;
    let faults = Arc::new(Faults::default());
    let own = Arc::clone(&faults);
    let bed = Bed::over(vec![strict(&app.url)], |store| {
        Arc::new(Moody { store, faults: own })
    });
    let ids = three(&bed).await;
    let day = "Retry-After: 86400\r\n";
    next(&mut app, 1).await.answer_with("503 Full", day, "");
    bed.after(0, ids[0], "app").await;
    for number in [2, 3, 1] {
        // It looks every second whether somebody has asked.
        let (before, begun) = (faults.looks.load(SeqCst), Instant::now());
        while faults.looks.load(SeqCst) < before + 3 {
            assert!(begun.elapsed() < PATIENCE);
            bed.clock.advance(SECOND / 10);
            sleep(Duration::from_millis(1)).await;
        }
        assert!(app.is_idle());
        assert_eq!(bed.store.requeue(only(ids[0]), None, 1).await.unwrap(), 1);
        bed.clock.advance(SECOND);
        next(&mut app, number)
            .await
            .answer_with("503 Full", day, "");
        bed.settled(ids[number as usize - 1], "app").await;
    }
    // Not even without one does it wait for a day.
    bed.clock.advance(5 * MINUTE);
    next(&mut app, 2).await.answer("200 OK");
    next(&mut app, 1).await.answer("200 OK");
    next(&mut app, 3).await.answer("200 OK");
    bed.reaches(3, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn what_waits_under_a_clock_that_was_ahead_waits_no_longer_than_its_schedule() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    bed.clock.advance(10 * HOUR);
    let ids = three(&bed).await;
    next(&mut app, 1).await.answer("500 Broken");
    answer_all(&mut app, &[2, 3], "500 Broken").await;
    for id in ids {
        bed.after(1, id, "app").await;
    }
    bed.clock.put_back(10 * HOUR);
    let (begun, due) = (Instant::now(), Some(bed.clock.now() + 5_500));
    for id in ids {
        while bed.listed(id, "app").await.due != due {
            assert!(begun.elapsed() < PATIENCE);
            sleep(Duration::from_millis(1)).await;
        }
    }
    bed.clock.advance(4 * SECOND);
    sleep(Duration::from_millis(20)).await;
    assert!(app.is_idle());
    bed.clock.advance(2 * SECOND);
    answer_all(&mut app, &[1, 2, 3], "200 OK").await;
    bed.reaches(3, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn a_failed_attempt_shows_what_the_app_responded() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    let ids = three(&bed).await;
    for (status, lines, body) in [
        ("500 Broken", "", "\r\nno such product \r\nmore"),
        ("410 Gone", "", ""),
        ("422 No", "Content-Encoding: gzip\r\n", "\u{1f}\u{8b}"),
    ] {
        app.next().await.answer_with(status, lines, body);
    }
    let mut responses = Vec::new();
    for id in ids {
        let stored = bed.after(1, id, "app").await.stored_response;
        responses.push(stored.and_then(|stored| bed.inbox.sealer.read_note(&stored)));
    }
    let expected = Some("no such product".into());
    assert_eq!(responses, [expected, None, None]);
}
