//! Queues beside one another, reloads, drains and sweeps.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{
    app::{App, TIMEOUT},
    fixture::{Fixture, MINUTE, SECOND, START, queue},
};
use crate::{delivery::event::DeliveryState, inbox::Queue};

/// Shows the dispatcher that a destination responds.
async fn proven(fixture: &Fixture, app: &mut App, name: &str) {
    fixture.insert(1000, &[name]).await;
    app.next().await.respond("200 OK");
    fixture.reaches(1, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn a_slow_destination_holds_up_no_other() {
    let (mut slow, mut fast) = (App::start().await, App::start().await);
    let fixture = Fixture::new(vec![queue("slow", &slow.url), queue("fast", &fast.url)]);
    for number in 0..20 {
        fixture.insert(number, &["slow", "fast"]).await;
    }
    let held = slow.next().await;
    for _ in 0..20 {
        fast.next().await.respond("200 OK");
    }
    fixture.reaches(20, DeliveryState::Delivered).await;
    held.respond("200 OK");
    for _ in 1..20 {
        slow.next().await.respond("200 OK");
    }
    fixture.reaches(40, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn no_more_is_claimed_than_may_be_under_way() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![Queue {
        concurrency: 2,
        ..queue("app", &app.url)
    }]);
    proven(&fixture, &mut app, "app").await;
    for number in 0..10 {
        fixture.insert(number, &["app"]).await;
    }
    let held = [app.next().await, app.next().await];
    // A claimed delivery is due only when its lease ends.
    let waiting = |all: Vec<crate::inbox::store::DeliveryRow>| {
        let pending = all
            .into_iter()
            .filter(|one| one.state == DeliveryState::Pending);
        pending.filter(|one| one.due == Some(START)).count()
    };
    assert_eq!(waiting(fixture.all().await), 8);
    assert!(app.is_idle());
    for request in held {
        request.respond("200 OK");
    }
    for _ in 2..10 {
        app.next().await.respond("200 OK");
    }
    fixture.reaches(11, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn a_reload_moves_a_queue_and_keeps_what_is_under_way() {
    let (mut old, mut new) = (App::start().await, App::start().await);
    let fixture = Fixture::new(vec![queue("stays", &old.url), queue("goes", &old.url)]);
    let [first, second, third] = [
        fixture.insert(1, &["stays"]).await,
        fixture.insert(2, &["stays"]).await,
        fixture.insert(3, &["goes", "comes"]).await,
    ];
    let (one, other) = (old.next().await, old.next().await);
    fixture.reload(vec![queue("stays", &new.url), queue("comes", &new.url)]);
    let begun = new.next().await;
    assert_eq!(begun.body, b"body 3", "a new queue begins");
    one.respond("500 Broken");
    other.respond("500 Broken");
    // The results of both attempts are stored, also that of the removed queue.
    fixture.after(1, first, "stays").await;
    fixture.after(1, third, "goes").await;
    let moved = new.next().await;
    assert_eq!(moved.body, b"body 2", "at the new address");
    assert_eq!(fixture.listed(second, "stays").await.attempts, 0);
    fixture.clock.advance(MINUTE);
    assert_eq!(
        fixture.listed(third, "goes").await.state,
        DeliveryState::Pending
    );
    assert!(old.is_idle(), "nobody serves it any more");
}

#[tokio::test]
async fn draining_ends_what_is_under_way_and_begins_nothing() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    let ids = [
        fixture.insert(1, &["app"]).await,
        fixture.insert(2, &["app"]).await,
        fixture.insert(3, &["app"]).await,
    ];
    let request = app.next().await;
    let mut drain = std::pin::pin!(fixture.dispatcher.drain());
    let early = timeout(Duration::from_millis(20), &mut drain).await;
    assert!(early.is_err(), "one is under way");
    assert!(fixture.dispatcher.ping().await, "it is no death to end");
    request.respond("200 OK");
    timeout(TIMEOUT, drain).await.expect("drained");
    assert_eq!(
        fixture.listed(ids[0], "app").await.state,
        DeliveryState::Delivered
    );
    for id in &ids[1..] {
        let listed = fixture.listed(*id, "app").await;
        assert_eq!((listed.attempts, listed.due), (0, Some(START)));
    }
    assert!(app.is_idle());
}

#[tokio::test]
async fn what_was_delivered_long_ago_is_swept_and_nothing_else() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    proven(&fixture, &mut app, "app").await;
    let dead = fixture.insert(1, &["app"]).await;
    app.next().await.respond("410 Gone");
    fixture.after(1, dead, "app").await;
    let lone = fixture.insert(2, &["nobody"]).await;
    let retain = fixture.inbox.settings.retain;
    fixture.clock.advance(retain - SECOND);
    proven_again(&fixture, &mut app).await;
    fixture.clock.advance(2 * MINUTE);
    fixture.reaches(1, DeliveryState::Delivered).await;
    assert_eq!(fixture.listed(dead, "app").await.state, DeliveryState::Dead);
    assert_eq!(
        fixture.listed(lone, "nobody").await.state,
        DeliveryState::Pending
    );
}

async fn proven_again(fixture: &Fixture, app: &mut App) {
    let late = fixture.insert(3, &["app"]).await;
    app.next().await.respond("200 OK");
    fixture.after(1, late, "app").await;
    fixture.reaches(2, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn work_that_nobody_told_of_is_found() {
    let mut app = App::start().await;
    let fixture = Fixture::new(vec![queue("app", &app.url)]);
    proven(&fixture, &mut app, "app").await;
    // The queue has looked, and found nothing that is due later.
    for _ in 0..20 {
        fixture.clock.advance(SECOND);
        sleep(Duration::from_millis(1)).await;
    }
    let arrival = fixture.arrival(1, &["app"]);
    fixture.store.insert(arrival, Box::new(())).await.unwrap();
    let begun = Instant::now();
    while app.is_idle() {
        assert!(begun.elapsed() < TIMEOUT);
        fixture.clock.advance(SECOND);
        sleep(Duration::from_millis(1)).await;
    }
}
