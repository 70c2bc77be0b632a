//! An inbox with events in chosen states.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tempfile::TempDir;
use tower_cartgate::{EventKind, EventSource, Secret};
use uuid::Uuid;

use super::super::{
    Action, DeliveryFilter, Destinations, JobDetails, JobRequest, JobState, Jobs, Operations,
    PageRange,
};
use crate::{
    delivery::{
        Head,
        event::{Arrival, DeliveryState, EventMetadata, FailureCause, Settlement, Subscribers},
    },
    inbox::{Inbox, Settings, settings::StoreAddress, store::postgres::tests::TestDatabase},
    net::peer::Peer,
};

/// The state of an event and its destination.
#[derive(Clone, Copy)]
pub(super) enum InState {
    Pending(&'static str),
    Dead(&'static str),
    Delivered(&'static str),
    Quarantined(&'static str),
    NoSubscriber,
}

pub(super) struct Fixture {
    pub(super) jobs: Jobs,
    pub(super) inbox: Arc<Inbox>,
    pub(super) ids: Vec<Uuid>,
    place: Place,
}

enum Place {
    Sqlite(TempDir),
    Postgres(TestDatabase),
}

impl Fixture {
    pub(super) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let address = StoreAddress::Sqlite(dir.path().join("inbox.db"));
        Self::open(Settings::new(address), Place::Sqlite(dir)).await
    }

    pub(super) async fn postgres() -> Self {
        let database = TestDatabase::create();
        let address = StoreAddress::Postgres(database.url.clone());
        let settings = Settings {
            key: Some(Secret::new("the key of a test's inbox").expect("a key")),
            ..Settings::new(address)
        };
        Self::open(settings, Place::Postgres(database)).await
    }

    async fn open(settings: Settings, place: Place) -> Self {
        let inbox = Arc::new(Inbox::open(settings).await.expect("opened"));
        let names = Destinations::Named(["shop".into(), "mail".into()].into());
        Self {
            jobs: Jobs::new(Operations::new(Arc::clone(&inbox), names)),
            inbox,
            ids: Vec::new(),
            place,
        }
    }

    /// Stores one event in each of these states.
    pub(super) async fn with(mut self, states: &[InState]) -> Self {
        for state in states {
            self.put(*state).await;
        }
        self
    }

    async fn put(&mut self, state: InState) {
        use InState::{Dead, Delivered, NoSubscriber, Pending, Quarantined};
        let (queue, settlement) = match state {
            Pending(queue) => (Some(queue), None),
            Dead(queue) => (Some(queue), Some(Self::dead())),
            Delivered(queue) => (Some(queue), Some(Settlement::Delivered { status: 200 })),
            Quarantined(queue) => (Some(queue), Some(Settlement::Quarantined)),
            NoSubscriber => (None, None),
        };
        let subscribers = match queue {
            Some(queue) => Subscribers::Queues(vec![queue.into()]),
            None => Subscribers::None(Subscribers::NO_SUBSCRIBER),
        };
        self.insert(self.ids.len(), subscribers).await;
        if let (Some(queue), Some(settlement)) = (queue, settlement) {
            self.settle(queue, settlement).await;
        }
    }

    pub(super) fn dead() -> Settlement {
        Settlement::Dead(FailureCause::new(Some(410), "gone"))
    }

    /// Stores an event with the body of this number.
    pub(super) async fn insert(&mut self, number: usize, subscribers: Subscribers) {
        let metadata = EventMetadata {
            id: Uuid::now_v7(),
            endpoint: "orders".into(),
            kind: EventKind::Order,
            received: 1_000 + number as i64,
        };
        self.ids.push(metadata.id);
        let body = Bytes::from(format!("body {number}"));
        let event = self.inbox.sealer.seal(metadata, &some_head(), body);
        let arrival = Arrival {
            event,
            subscribers,
            unique: None,
            late: false,
        };
        let inserted = self.inbox.insert(arrival, Box::new(())).await;
        inserted.expect("inserted");
    }

    /// Claims the due deliveries of a queue, and settles that of the last event.
    pub(super) async fn settle(&self, queue: &str, settlement: Settlement) {
        let store = &self.inbox.store;
        let claims = store.claim(&queue.into(), 100, Duration::from_secs(60));
        for claim in claims.await.expect("claimed") {
            let last = Some(&claim.event.id) == self.ids.last();
            let settlement = if last {
                settlement.clone()
            } else {
                Settlement::Released
            };
            let settled = store.settle(claim.lease, settlement).await;
            assert!(settled.expect("settled"));
        }
    }

    /// Changes a body in the store.
    pub(super) fn damage(&self, id: Uuid) {
        match &self.place {
            Place::Sqlite(dir) => {
                let file = dir.path().join("inbox.db");
                let by_hand = rusqlite::Connection::open(file).expect("a database");
                let sql = "UPDATE content SET bytes = x'00' WHERE body = (SELECT body FROM event WHERE id = ?)";
                let damaged = by_hand.execute(sql, [id.as_bytes()]);
                assert_eq!(damaged.expect("written"), 1);
            }
            Place::Postgres(database) => database.run(&format!(
                "UPDATE body SET bytes = '\\x00' WHERE id = (SELECT body FROM event WHERE id = '{id}')"
            )),
        }
    }

    /// Makes every later operation that looks at deliveries fail.
    pub(super) fn break_store(&self) {
        let sql = "ALTER TABLE delivery RENAME TO gone";
        match &self.place {
            Place::Sqlite(dir) => {
                let file = dir.path().join("inbox.db");
                let by_hand = rusqlite::Connection::open(file).expect("a database");
                by_hand.execute_batch(sql).expect("renamed");
            }
            Place::Postgres(database) => database.run(sql),
        }
    }

    pub(super) fn operations(&self) -> &Operations {
        self.jobs.operations()
    }

    /// Returns the destinations and states of all deliveries, in the order of their arrival.
    pub(super) async fn states(&self) -> Vec<(String, DeliveryState)> {
        let everything = PageRange {
            most: PageRange::MOST,
            ..PageRange::default()
        };
        let listed = self.operations().list(everything).await.expect("listed");
        assert_eq!(listed.next, None);
        let state =
            |one: super::super::StoredDelivery| (one.destination.unwrap_or_default(), one.state);
        listed.items.into_iter().map(state).collect()
    }

    /// Runs a job to its end.
    pub(super) async fn run(&self, request: JobRequest) -> JobDetails {
        let created = self.jobs.create(request).await.expect("created");
        assert_eq!(created.state, JobState::Counted);
        self.jobs.start(created.id).expect("started");
        self.ended(created.id).await
    }

    /// Waits for the end of a job.
    pub(super) async fn ended(&self, id: Uuid) -> JobDetails {
        let waiting = async {
            loop {
                let job = self.jobs.show(id).expect("kept");
                if job.state.is_end() {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        waited.expect("the job ends")
    }
}

/// Returns a request for the deliveries in these states.
pub(super) fn request(action: Action, states: &[DeliveryState]) -> JobRequest {
    JobRequest {
        action,
        selection: DeliveryFilter {
            states: states.to_vec(),
            ..DeliveryFilter::default()
        },
        to: None,
        rate: None,
    }
}

pub(super) fn row(queue: &str, state: DeliveryState) -> (String, DeliveryState) {
    (queue.to_owned(), state)
}

fn some_head() -> Head {
    let mut headers = HeaderMap::new();
    headers.insert("x-shop", "planted".parse().expect("a value"));
    Head {
        method: Method::PUT,
        target: "/hooks?a=b".parse().expect("a target"),
        headers: headers.into(),
        source: EventSource::Endpoint,
        secret: "current".parse().expect("a name"),
        scheme: "https",
        host: None,
        peer: Peer::Unix,
        peer_is_trusted: false,
        late: false,
    }
}
