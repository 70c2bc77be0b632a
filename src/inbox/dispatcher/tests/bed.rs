//! A gate with an inbox in a file, a time that stands, and chance that always says a half.

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
    app::PATIENCE,
};
use crate::{
    delivery::{
        codec::tests::full_head,
        event::{Arrival, DeliveryState, EventMetadata, Subscribers},
        header_changes::HeaderChanges,
        seal::{DeliverySeals, Sealer},
    },
    destination::{Destination, Settings as Treatment, meter::DestinationMeter},
    inbox::{
        Inbox, Queue, Settings,
        meter::InboxMeter,
        routes::{Route, RoutedQueue, Routes},
        settings::{Limits, StoreAddress},
        store::{DeliveryRow, Selection, Store, StoreMeter, sqlite},
    },
    runtime::clock::{Clock, Millis},
};

pub(super) const START: Millis = 1_800_000_000_000;
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) struct Bed {
    pub(super) clock: Clock,
    pub(super) store: Arc<dyn Store>,
    routes: watch::Sender<Arc<Routes>>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) dispatcher: Dispatcher,
    _dir: tempfile::TempDir,
}

impl Bed {
    /// A gate whose one endpoint has these queues.
    pub(super) fn new(queues: Vec<Queue>) -> Self {
        Self::over(queues, |store| store)
    }

    /// The same, whose store has a clock of its own.
    pub(super) fn beside(queues: Vec<Queue>, clock: &Clock) -> Self {
        Self::made(queues, clock, Clock::manual(START), |store| store)
    }

    /// The same, with something before its store.
    pub(super) fn over(
        queues: Vec<Queue>,
        before: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let clock = Clock::manual(START);
        Self::made(queues, &clock.clone(), clock, before)
    }

    fn made(
        queues: Vec<Queue>,
        of_store: &Clock,
        clock: Clock,
        before: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let meter = Arc::new(StoreMeter::default());
        let file = dir.path().join("inbox.db");
        let store = before(open(&file, of_store, &meter));
        let inbox = Arc::new(Inbox {
            store: Arc::clone(&store),
            sealer: Sealer::new(&key(), None),
            meter: Arc::new(InboxMeter::new(meter)),
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

    /// Other queues are in force.
    pub(super) fn reload(&self, queues: Vec<Queue>) {
        self.routes.send_replace(routes(queues));
    }

    /// Keeps an event for these queues, and tells them.
    pub(super) async fn keep(&self, number: u32, queues: &[&str]) -> Uuid {
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
        }
    }

    pub(super) fn wake(&self) {
        let routes = self.routes.borrow();
        routes.queues().for_each(|own| own.queue.work.notify_one());
    }

    pub(super) async fn all(&self) -> Vec<DeliveryRow> {
        let all = self.store.list(Selection::default(), None, 1000);
        all.await.unwrap()
    }

    /// How one delivery stands.
    pub(super) async fn listed(&self, id: Uuid, queue: &str) -> DeliveryRow {
        let mut all = self.all().await.into_iter();
        let listed = all.find(|listed| listed.event == id && listed.queue == queue);
        listed.expect("it is kept")
    }

    /// How it stands once so many attempts at it are written down.
    pub(super) async fn after(&self, attempts: u32, id: Uuid, queue: &str) -> DeliveryRow {
        let begun = Instant::now();
        loop {
            let listed = self.listed(id, queue).await;
            if listed.attempts == attempts && listed.last.is_some() {
                return listed;
            }
            assert!(begun.elapsed() < PATIENCE, "{attempts}: {listed:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// How it stands once an attempt that ends now is written down.
    pub(super) async fn settled(&self, id: Uuid, queue: &str) -> DeliveryRow {
        let (begun, now) = (Instant::now(), Some(self.clock.now()));
        loop {
            let listed = self.listed(id, queue).await;
            if listed.last == now {
                return listed;
            }
            assert!(begun.elapsed() < PATIENCE, "{listed:?}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Ready once so many deliveries are in this state.
    pub(super) async fn reaches(&self, number: usize, state: DeliveryState) {
        let begun = Instant::now();
        loop {
            let all = self.all().await;
            if all.iter().filter(|one| one.state == state).count() == number {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{state:?}: {all:#?}");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A queue with every value at its default.
pub(super) fn queue(name: &str, url: &str) -> Queue {
    treated(name, url, Treatment::default())
}

/// The same, whose deliveries are treated so.
pub(super) fn treated(name: &str, url: &str, treatment: Treatment) -> Queue {
    let made = Destination::new(name, url.parse().unwrap(), treatment, 1);
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
