//! Commands on an SQLite file that holds events in every state.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tempfile::TempDir;
use tower_cartgate::{EventKind, EventSource, Secret};

use super::*;
use crate::{
    delivery::{
        event::{Arrival, EventMetadata, FailureCause, Settlement, Subscribers},
        seal::Sealer,
    },
    inbox::{Settings, settings::StoreAddress},
    net::peer::Peer,
};

/// The state of an event and its destination.
#[derive(Clone, Copy)]
enum InState {
    Pending(&'static str),
    Dead(&'static str),
    Delivered(&'static str),
    Quarantined(&'static str),
    NoSubscriber,
}

use InState::{Dead, Delivered, NoSubscriber, Pending, Quarantined};

struct Fixture {
    inbox: Inbox,
    ids: Vec<Uuid>,
    dir: TempDir,
}

impl Fixture {
    async fn with(states: &[InState]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("inbox.db");
        let settings = Settings::new(StoreAddress::Sqlite(file));
        let mut fixture = Self {
            inbox: Inbox::open(settings).await.expect("opened"),
            ids: Vec::new(),
            dir,
        };
        for (number, state) in states.iter().enumerate() {
            fixture.put(number, *state).await;
        }
        fixture
    }

    async fn put(&mut self, number: usize, state: InState) {
        let (queue, settlement) = match state {
            Pending(queue) => (Some(queue), None),
            Dead(queue) => {
                let (status, reason) = (Some(410), "gone");
                (
                    Some(queue),
                    Some(Settlement::Dead(FailureCause::new(status, reason))),
                )
            }
            Delivered(queue) => (Some(queue), Some(Settlement::Delivered { status: 200 })),
            Quarantined(queue) => (Some(queue), Some(Settlement::Quarantined)),
            NoSubscriber => (None, None),
        };
        let subscribers = match queue {
            Some(queue) => Subscribers::Queues(vec![queue.into()]),
            None => Subscribers::None(Subscribers::NO_SUBSCRIBER),
        };
        self.insert(number, subscribers).await;
        if let (Some(queue), Some(settlement)) = (queue, settlement) {
            self.settle(queue, settlement).await;
        }
    }

    async fn insert(&mut self, number: usize, subscribers: Subscribers) {
        let metadata = EventMetadata {
            id: Uuid::now_v7(),
            endpoint: "orders".into(),
            kind: EventKind::Order,
            received: 1_000 + number as i64,
        };
        self.ids.push(metadata.id);
        let body = Bytes::from(format!("body {number}"));
        let event = self.inbox.sealer.seal(metadata, &some_head(), body);
        let unique = None;
        let arrival = Arrival {
            event,
            subscribers,
            unique,
        };
        let inserted = self.inbox.insert(arrival, Box::new(())).await;
        inserted.expect("inserted");
    }

    /// Claims the due deliveries of a queue, and settles that of the last event.
    async fn settle(&self, queue: &str, settlement: Settlement) {
        let store = &self.inbox.store;
        let claims = store.claim(&queue.into(), 100, Duration::from_secs(60));
        for claim in claims.await.expect("claimed") {
            let last = Some(&claim.event.id) == self.ids.last();
            let settlement = if last {
                settlement.clone()
            } else {
                Settlement::Released
            };
            assert!(
                store
                    .settle(claim.lease, settlement)
                    .await
                    .expect("settled")
            );
        }
    }

    /// Changes a body in the file.
    fn damage(&self, id: Uuid) {
        let file = self.dir.path().join("inbox.db");
        let by_hand = rusqlite::Connection::open(file).expect("a database");
        let sql =
            "UPDATE content SET bytes = x'00' WHERE body = (SELECT body FROM event WHERE id = ?)";
        let damaged = by_hand.execute(sql, [id.as_bytes()]);
        assert_eq!(damaged.expect("written"), 1);
    }

    fn handler(&self) -> Handler<'_> {
        Handler {
            inbox: &self.inbox,
            destinations: Some(vec!["shop".into(), "mail".into()]),
        }
    }

    /// Returns the queues and states of all deliveries, in the order of their arrival.
    async fn states(&self) -> Vec<(String, DeliveryState)> {
        let everything = Page {
            most: Page::MOST,
            ..Page::default()
        };
        let CommandResponse::Listed(listed) = self.handle(Command::List(everything)).await else {
            panic!("another response");
        };
        listed
            .into_iter()
            .map(|one| (one.queue, one.state))
            .collect()
    }

    async fn handle(&self, command: Command) -> CommandResponse {
        self.handler().handle(command).await.expect("carried out")
    }

    /// Requeues page by page, and returns the sum.
    async fn requeue(&self, states: &[DeliveryState], to: Option<&str>, most: usize) -> Requeued {
        let mut page = of(states, most);
        let mut sum = Requeued::default();
        loop {
            let (next, to) = (page.clone(), to.map(str::to_owned));
            let CommandResponse::Requeued(requeued) =
                self.handle(Command::Requeue { page: next, to }).await
            else {
                panic!("another response");
            };
            sum.done += requeued.done;
            sum.unserved += requeued.unserved;
            sum.quarantined += requeued.quarantined;
            page.after = requeued.next;
            if page.after.is_none() {
                return sum;
            }
        }
    }
}

fn of(states: &[DeliveryState], most: usize) -> Page {
    let states = states.to_vec();
    Page {
        selection: Selection {
            states,
            ..Selection::default()
        },
        after: None,
        most,
    }
}

fn some_head() -> Head {
    let mut headers = HeaderMap::new();
    headers.insert("x-shop", "planted".parse().expect("a value"));
    Head {
        method: Method::PUT,
        target: "/hooks?a=b".parse().expect("a target"),
        headers,
        source: EventSource::Endpoint,
        secret: "current".parse().expect("a name"),
        scheme: "https",
        host: None,
        peer: Peer::Unix,
        peer_is_trusted: false,
    }
}

fn row(queue: &str, state: DeliveryState) -> (String, DeliveryState) {
    (queue.to_owned(), state)
}

#[tokio::test]
async fn dead_letters_are_tried_again_and_nothing_else_moves() {
    let states = [
        Dead("shop"),
        Pending("shop"),
        Dead("old"),
        Delivered("mail"),
        NoSubscriber,
        Quarantined("mail"),
        Dead("mail"),
    ];
    let fixture = Fixture::with(&states).await;
    for most in [1, 2, 100] {
        let requeued = fixture.requeue(&[DeliveryState::Dead], None, most).await;
        let first = most == 1;
        assert_eq!(requeued.done, if first { 2 } else { 0 }, "page of {most}");
        assert_eq!(
            requeued.unserved, 2,
            "that of old, and that without a subscriber"
        );
        let expected = [
            row("shop", DeliveryState::Pending),
            row("shop", DeliveryState::Pending),
            row("old", DeliveryState::Dead),
            row("mail", DeliveryState::Delivered),
            row("", DeliveryState::Dead),
            row("mail", DeliveryState::Quarantined),
            row("mail", DeliveryState::Pending),
        ];
        assert_eq!(fixture.states().await, expected, "page of {most}");
    }
}

#[tokio::test]
async fn what_has_no_destination_any_more_is_moved_to_another() {
    let states = [
        Dead("old"),
        Pending("old"),
        Delivered("mail"),
        NoSubscriber,
        Pending("mail"),
    ];
    let fixture = Fixture::with(&states).await;
    let requeued = fixture
        .requeue(
            &[DeliveryState::Dead, DeliveryState::Pending],
            Some("shop"),
            2,
        )
        .await;
    assert_eq!((requeued.done, requeued.unserved), (3, 0));
    let expected = [
        row("shop", DeliveryState::Pending),
        row("shop", DeliveryState::Pending),
        row("mail", DeliveryState::Delivered),
        row("shop", DeliveryState::Pending),
        row("mail", DeliveryState::Pending),
    ];
    assert_eq!(fixture.states().await, expected);
}

#[tokio::test]
async fn of_an_event_only_what_somebody_takes_is_tried_again() {
    let mut fixture = Fixture::with(&[]).await;
    for number in 0..3 {
        let both = Subscribers::Queues(vec!["old".into(), "shop".into()]);
        fixture.insert(number, both).await;
        for queue in ["old", "shop"] {
            let (status, reason) = (Some(410), "gone");
            fixture
                .settle(queue, Settlement::Dead(FailureCause::new(status, reason)))
                .await;
        }
    }
    let requeued = fixture.requeue(&[DeliveryState::Dead], None, 2).await;
    assert_eq!((requeued.done, requeued.unserved), (3, 3));
    let one = [
        row("old", DeliveryState::Dead),
        row("shop", DeliveryState::Pending),
    ];
    let all: Vec<_> = std::iter::repeat_n(one, 3).flatten().collect();
    assert_eq!(fixture.states().await, all);
}

#[tokio::test]
async fn what_is_broken_stays_in_quarantine_until_a_copy_has_mended_it() {
    let states = [
        Quarantined("shop"),
        Quarantined("shop"),
        Dead("shop"),
        Quarantined("mail"),
    ];
    let mut fixture = Fixture::with(&states).await;
    for id in [fixture.ids[0], fixture.ids[3]] {
        fixture.damage(id);
    }
    let broken = [DeliveryState::Quarantined];
    let requeued = fixture.requeue(&broken, None, 2).await;
    assert_eq!((requeued.done, requeued.quarantined), (1, 2));
    let mut expected = [
        row("shop", DeliveryState::Quarantined),
        row("shop", DeliveryState::Pending),
        row("shop", DeliveryState::Dead),
        row("mail", DeliveryState::Quarantined),
        row("mail", DeliveryState::Pending),
    ];
    assert_eq!(fixture.states().await, expected[..4]);
    // A copy with the bytes of the first event.
    fixture
        .insert(0, Subscribers::Queues(vec!["mail".into()]))
        .await;
    let requeued = fixture.requeue(&broken, None, 2).await;
    assert_eq!((requeued.done, requeued.quarantined), (1, 1));
    expected[0] = row("shop", DeliveryState::Pending);
    assert_eq!(fixture.states().await, expected);
}

#[tokio::test]
async fn an_event_whose_deliveries_two_pages_share_is_done_once() {
    let mut fixture = Fixture::with(&[]).await;
    for number in 0..3 {
        let both = Subscribers::Queues(vec!["mail".into(), "shop".into()]);
        fixture.insert(number, both).await;
    }
    for most in [1, 3, 4] {
        let requeued = fixture.requeue(&[DeliveryState::Pending], None, most).await;
        assert_eq!(requeued.done, 6, "page of {most}");
    }
}

#[tokio::test]
async fn nothing_goes_to_a_destination_that_is_not_configured() {
    let fixture = Fixture::with(&[Dead("shop"), Pending("shop"), Dead("mail")]).await;
    let page = of(&[DeliveryState::Dead], 10);
    let to = Some("nowhere".to_owned());
    let rejected = fixture
        .handler()
        .handle(Command::Requeue { page, to })
        .await;
    assert!(matches!(rejected, Err(HandlerError::Destination(name)) if name == "nowhere"));
    let expected = [
        row("shop", DeliveryState::Dead),
        row("shop", DeliveryState::Pending),
        row("mail", DeliveryState::Dead),
    ];
    assert_eq!(fixture.states().await, expected);
}

#[tokio::test]
async fn pages_follow_each_other_and_no_order_names_more_events_than_one_holds() {
    let fixture = Fixture::with(&[Pending("shop"), Dead("shop"), Delivered("mail")]).await;
    let mut page = of(&[], 2);
    let mut seen = Vec::new();
    loop {
        let CommandResponse::Listed(listed) = fixture.handle(Command::List(page.clone())).await
        else {
            panic!("another response");
        };
        seen.extend(listed.iter().map(|one| one.event));
        match listed.last() {
            Some(last) if listed.len() == 2 => page.after = Some(last.into()),
            _ => break,
        }
    }
    assert_eq!(seen, fixture.ids);
    page.selection.ids = vec![Uuid::nil(); Page::MOST + 1];
    let rejected = fixture.handler().handle(Command::List(page)).await;
    assert!(matches!(rejected, Err(HandlerError::TooMany)));
}

#[tokio::test]
async fn purge_removes_what_is_selected_alone() {
    let fixture = Fixture::with(&[Dead("shop"), Pending("shop"), Delivered("mail")]).await;
    let selection = Selection {
        ids: vec![fixture.ids[1]],
        ..Selection::default()
    };
    let command = Command::Purge { selection, most: 9 };
    assert!(matches!(
        fixture.handle(command).await,
        CommandResponse::Purged(1)
    ));
    let expected = [
        row("shop", DeliveryState::Dead),
        row("mail", DeliveryState::Delivered),
    ];
    assert_eq!(fixture.states().await, expected);
    let CommandResponse::Stats(stats) = fixture.handle(Command::Stats).await else {
        panic!("another response");
    };
    assert_eq!(stats.stats.events, 2);
}

#[tokio::test]
async fn an_event_is_shown_with_its_body_only_where_that_is_asked() {
    let fixture = Fixture::with(&[Pending("shop"), Dead("shop"), Pending("mail")]).await;
    let show = async |id, body| {
        let CommandResponse::Shown(shown) = fixture.handle(Command::Show { id, body }).await else {
            panic!("another response");
        };
        shown
    };
    let shown = show(fixture.ids[1], true).await.expect("it is there");
    assert_eq!(shown.body, Some(BASE64_STANDARD.encode("body 1")));
    assert_eq!((shown.id, shown.broken), (fixture.ids[1], None));
    assert_eq!(shown.deliveries.len(), 1);
    assert_eq!(shown.deliveries[0].reason.as_deref(), Some("gone"));
    let head = shown.head.expect("a head");
    assert_eq!((&*head.method, &*head.target), ("PUT", "/hooks?a=b"));
    assert_eq!(head.headers, [("x-shop".into(), "planted".into())]);
    let shown = show(fixture.ids[1], false).await.expect("it is there");
    assert_eq!(shown.body, None);
    assert!(show(Uuid::now_v7(), true).await.is_none());
}

#[tokio::test]
async fn nothing_of_an_event_is_shown_whose_seal_does_not_hold() {
    let mut fixture = Fixture::with(&[Pending("shop"), Pending("shop"), Pending("mail")]).await;
    let other = Secret::new("another key").expect("a key");
    fixture.inbox.sealer = Sealer::new(&other, None);
    let (id, body) = (fixture.ids[0], true);
    let CommandResponse::Shown(Some(shown)) = fixture.handle(Command::Show { id, body }).await
    else {
        panic!("another response");
    };
    assert!(shown.broken.is_some());
    assert!(shown.head.is_none() && shown.body.is_none());
    assert_eq!(shown.deliveries.len(), 1);
}
