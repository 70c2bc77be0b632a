//! A dispatcher with an inbox in a file, a clock that the test moves, and a random number that is
//! always a half.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tower_cartgate::{EventKind, Secret};
use uuid::Uuid;

use super::{
    super::{Dispatcher, delivery_log::DeliveryLog, services::Services},
    app::TIMEOUT,
};
use crate::{
    delivery::{
        codec::tests::full_head,
        event::{Arrival, DeliveryState, EventMetadata, Subscribers},
        header_changes::HeaderChanges,
        seal::{DeliverySeals, Sealer},
    },
    destination::{Destination, Settings as DestinationSettings, meter::DestinationMeter},
    inbox::{
        Inbox, Queue, Settings,
        attempt_history::AttemptHistory,
        meter::InboxMeter,
        routes::{Route, RoutedQueue, Routes},
        settings::{Limits, StoreAddress},
        store::{DeliveryRow, ListOrder, Selection, Store, StoreMeter, sqlite},
    },
    runtime::clock::{Clock, Millis},
};

pub(super) const START: Millis = 1_800_000_000_000;
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) struct Fixture {
    pub(super) clock: Clock,
    pub(super) store: Arc<dyn Store>,
    routes: watch::Sender<Arc<Routes>>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) dispatcher: Dispatcher,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// Starts a dispatcher whose one endpoint has these queues.
    pub(super) fn new(queues: Vec<Queue>) -> Self {
        Self::with_store(queues, |store| store)
    }

    /// Starts a dispatcher whose store has a clock of its own.
    pub(super) fn with_store_clock(queues: Vec<Queue>, clock: &Clock) -> Self {
        Self::build(queues, clock, Clock::manual(START), |store| store)
    }

    /// Starts a dispatcher with a wrapper around its store.
    pub(super) fn with_store(
        queues: Vec<Queue>,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let clock = Clock::manual(START);
        Self::build(queues, &clock.clone(), clock, wrap)
    }

    fn build(
        queues: Vec<Queue>,
        store_clock: &Clock,
        clock: Clock,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let meter = Arc::new(StoreMeter::default());
        let file = dir.path().join("inbox.db");
        let store = wrap(open(&file, store_clock, &meter));
        let inbox = Arc::new(Inbox {
            store: Arc::clone(&store),
            sealer: Sealer::new(&key(), None),
            meter: Arc::new(InboxMeter::new(meter)),
            attempts: AttemptHistory::default(),
            settings: Settings::new(StoreAddress::Sqlite(file)),
        });
        let (routes, followed) = watch::channel(routes(queues));
        let services = Services {
            inbox: Arc::clone(&inbox),
            clock: clock.clone(),
            random_fraction: || 0.5,
            log: DeliveryLog::default(),
        };
        Self {
            dispatcher: Dispatcher::start_with(followed, services).unwrap(),
            clock,
            store,
            routes,
            inbox,
            _dir: dir,
        }
    }

    /// Puts other queues in force.
    pub(super) fn reload(&self, queues: Vec<Queue>) {
        self.routes.send_replace(routes(queues));
    }

    /// Stores an event for these queues, and notifies them.
    pub(super) async fn insert(&self, number: u32, queues: &[&str]) -> Uuid {
        let arrival = self.arrival(number, queues);
        let id = arrival.event.id;
        self.store.insert(arrival, Box::new(())).await.unwrap();
        self.wake();
        id
    }

    pub(super) fn arrival(&self, number: u32, queues: &[&str]) -> Arrival {
        let metadata = EventMetadata {
            id: Uuid::from_u128(u128::from(number)),
            endpoint: "orders".into(),
            kind: EventKind::Order,
            received: self.clock.now(),
        };
        let body = Bytes::from(format!("body {number}"));
        Arrival {
            event: self.inbox.sealer.seal(metadata, &full_head(), body),
            subscribers: Subscribers::Queues(
                queues.iter().map(|queue| Arc::from(*queue)).collect(),
            ),
            unique: None,
            late: false,
        }
    }

    pub(super) fn wake(&self) {
        let routes = self.routes.borrow();
        routes.queues().for_each(|own| own.queue.work.notify_one());
    }

    pub(super) async fn all(&self) -> Vec<DeliveryRow> {
        let all = self
            .store
            .list(Selection::default(), ListOrder::default(), None, 1000);
        all.await.unwrap()
    }

    /// Returns the row of one delivery.
    pub(super) async fn listed(&self, id: Uuid, queue: &str) -> DeliveryRow {
        let mut all = self.all().await.into_iter();
        let listed = all.find(|listed| listed.event == id && listed.queue == queue);
        listed.expect("it is stored")
    }

    /// Returns the row of a delivery once this number of attempts is stored.
    pub(super) async fn after(&self, attempts: u32, id: Uuid, queue: &str) -> DeliveryRow {
        let begun = Instant::now();
        loop {
            let listed = self.listed(id, queue).await;
            if listed.attempts == attempts && listed.last.is_some() {
                return listed;
            }
            assert!(begun.elapsed() < TIMEOUT, "{attempts}: {listed:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Returns the row of a delivery once an attempt that ends now is stored.
    pub(super) async fn settled(&self, id: Uuid, queue: &str) -> DeliveryRow {
        let (begun, now) = (Instant::now(), Some(self.clock.now()));
        loop {
            let listed = self.listed(id, queue).await;
            if listed.last == now {
                return listed;
            }
            assert!(begun.elapsed() < TIMEOUT, "{listed:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until this number of deliveries is in a state.
    pub(super) async fn reaches(&self, number: usize, state: DeliveryState) {
        let begun = Instant::now();
        loop {
            let all = self.all().await;
            if all.iter().filter(|one| one.state == state).count() == number {
                return;
            }
            assert!(begun.elapsed() < TIMEOUT, "{state:?}: {all:#?}");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Makes a queue with default settings.
pub(super) fn queue(name: &str, url: &str) -> Queue {
    with_settings(name, url, DestinationSettings::default())
}

/// Makes a queue with these settings of its destination.
pub(super) fn with_settings(name: &str, url: &str, settings: DestinationSettings) -> Queue {
    let made = Destination::new(name, url.parse().unwrap(), settings, 1);
    Queue::new(Arc::new(made.unwrap()))
}

fn routes(queues: Vec<Queue>) -> Arc<Routes> {
    let queues = queues.into_iter().map(|queue| RoutedQueue {
        meter: Arc::new(DestinationMeter::new(&queue.destination.name)),
        queue: Arc::new(queue),
    });
    let route = Route {
        endpoint: "orders".into(),
        headers: HeaderChanges::default(),
        queues: queues.collect(),
    };
    Arc::new(Routes::from_iter([route]))
}

fn key() -> Secret {
    Secret::new("the store's key").unwrap()
}

fn open(file: &Path, clock: &Clock, meter: &Arc<StoreMeter>) -> Arc<dyn Store> {
    let limits = Limits {
        disk_floor: 0,
        ..Limits::default()
    };
    let seals = DeliverySeals::new(&key());
    sqlite::open(file, &limits, seals, clock.clone(), Arc::clone(meter)).unwrap()
}
