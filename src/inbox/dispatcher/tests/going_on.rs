//! Queues beside one another, and what changes while they work.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::{
    app::{App, PATIENCE},
    bed::{Bed, MINUTE, SECOND, START, queue},
};
use crate::{delivery::event::DeliveryState, inbox::Queue};

/// A destination that is known to answer.
async fn proven(bed: &Bed, app: &mut App, name: &str) {
    bed.keep(1000, &[name]).await;
    app.next().await.answer("200 OK");
    bed.reaches(1, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn a_slow_destination_holds_up_no_other() {
    let (mut slow, mut fast) = (App::start().await, App::start().await);
    let bed = Bed::new(vec![queue("slow", &slow.url), queue("fast", &fast.url)]);
    for number in 0..20 {
        bed.keep(number, &["slow", "fast"]).await;
    }
    let held = slow.next().await;
    for _ in 0..20 {
        fast.next().await.answer("200 OK");
    }
    bed.reaches(20, DeliveryState::Delivered).await;
    held.answer("200 OK");
    for _ in 1..20 {
        slow.next().await.answer("200 OK");
    }
    bed.reaches(40, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn no_more_is_claimed_than_may_be_under_way() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![Queue {
        concurrency: 2,
        ..queue("app", &app.url)
    }]);
    proven(&bed, &mut app, "app").await;
    for number in 0..10 {
        bed.keep(number, &["app"]).await;
    }
    let held = [app.next().await, app.next().await];
    // What is claimed is due only when its lease ends.
    let waiting = |all: Vec<crate::inbox::store::DeliveryRow>| {
        let pending = all
            .into_iter()
            .filter(|one| one.state == DeliveryState::Pending);
        pending.filter(|one| one.due == Some(START)).count()
    };
    assert_eq!(waiting(bed.all().await), 8);
    assert!(app.is_idle());
    for request in held {
        request.answer("200 OK");
    }
    for _ in 2..10 {
        app.next().await.answer("200 OK");
    }
    bed.reaches(11, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn a_reload_moves_a_queue_and_keeps_what_is_under_way() {
    let (mut old, mut new) = (App::start().await, App::start().await);
    let bed = Bed::new(vec![queue("stays", &old.url), queue("goes", &old.url)]);
    let [first, second, third] = [
        bed.keep(1, &["stays"]).await,
        bed.keep(2, &["stays"]).await,
        bed.keep(3, &["goes", "comes"]).await,
    ];
    let (one, other) = (old.next().await, old.next().await);
    bed.reload(vec![queue("stays", &new.url), queue("comes", &new.url)]);
    let begun = new.next().await;
    assert_eq!(begun.body, b"body 3", "a new queue begins");
    one.answer("500 Broken");
    other.answer("500 Broken");
    // Both attempts that were under way are written down, also the one of the queue that is gone.
    bed.after(1, first, "stays").await;
    bed.after(1, third, "goes").await;
    let moved = new.next().await;
    assert_eq!(moved.body, b"body 2", "at the new address");
    assert_eq!(bed.listed(second, "stays").await.attempts, 0);
    bed.clock.advance(MINUTE);
    assert_eq!(
        bed.listed(third, "goes").await.state,
        DeliveryState::Pending
    );
    assert!(old.is_idle(), "nobody serves it any more");
}

#[tokio::test]
async fn draining_ends_what_is_under_way_and_begins_nothing() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    let ids = [
        bed.keep(1, &["app"]).await,
        bed.keep(2, &["app"]).await,
        bed.keep(3, &["app"]).await,
    ];
    let request = app.next().await;
    let mut drain = std::pin::pin!(bed.dispatcher.drain());
    let early = timeout(Duration::from_millis(20), &mut drain).await;
    assert!(early.is_err(), "one is under way");
    assert!(bed.dispatcher.ping().await, "it is no death to end");
    request.answer("200 OK");
    timeout(PATIENCE, drain).await.expect("drained");
    assert_eq!(
        bed.listed(ids[0], "app").await.state,
        DeliveryState::Delivered
    );
    for id in &ids[1..] {
        let listed = bed.listed(*id, "app").await;
        assert_eq!((listed.attempts, listed.due), (0, Some(START)));
    }
    assert!(app.is_idle());
}

#[tokio::test]
async fn what_was_delivered_long_ago_is_swept_and_nothing_else() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    proven(&bed, &mut app, "app").await;
    let dead = bed.keep(1, &["app"]).await;
    app.next().await.answer("410 Gone");
    bed.after(1, dead, "app").await;
    let lone = bed.keep(2, &["nobody"]).await;
    let retain = bed.inbox.settings.retain;
    bed.clock.advance(retain - SECOND);
    proven_again(&bed, &mut app).await;
    bed.clock.advance(2 * MINUTE);
    bed.reaches(1, DeliveryState::Delivered).await;
    assert_eq!(bed.listed(dead, "app").await.state, DeliveryState::Dead);
    assert_eq!(
        bed.listed(lone, "nobody").await.state,
        DeliveryState::Pending
    );
}

async fn proven_again(bed: &Bed, app: &mut App) {
    let late = bed.keep(3, &["app"]).await;
    app.next().await.answer("200 OK");
    bed.after(1, late, "app").await;
    bed.reaches(2, DeliveryState::Delivered).await;
}

#[tokio::test]
async fn work_that_nobody_told_of_is_found() {
    let mut app = App::start().await;
    let bed = Bed::new(vec![queue("app", &app.url)]);
    proven(&bed, &mut app, "app").await;
    // It has looked, and found nothing that is due later.
    for _ in 0..20 {
        bed.clock.advance(SECOND);
        sleep(Duration::from_millis(1)).await;
    }
    let arrival = bed.arrival(1, &["app"]);
    bed.store.insert(arrival, Box::new(())).await.unwrap();
    let begun = Instant::now();
    while app.is_idle() {
        assert!(begun.elapsed() < PATIENCE);
        bed.clock.advance(SECOND);
        sleep(Duration::from_millis(1)).await;
    }
}
