//! Runs a renewer with a paused clock and given results of orders.

use super::*;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Mutex, PoisonError},
};

use rcgen::{CertificateParams, KeyPair};
use tokio::time::timeout;

use crate::{
    acme::{attempts::Attempts, order_error::OrderError, server::AcmeServer},
    net::connect::Trust,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

type Issued = Result<Certificate, OrderError>;

/// The results of the orders to come, and the times of those that were placed.
struct Orders {
    next: Mutex<VecDeque<Option<Issued>>>,
    placed: Mutex<Vec<Instant>>,
    begun: Instant,
}

impl Orders {
    fn returning(results: impl IntoIterator<Item = Option<Issued>>) -> Arc<Self> {
        Arc::new(Self {
            next: Mutex::new(results.into_iter().collect()),
            placed: Mutex::default(),
            begun: Instant::now(),
        })
    }

    /// Places an order.
    fn take(&self) -> Option<Issued> {
        let placed = self.placed.lock();
        placed
            .unwrap_or_else(PoisonError::into_inner)
            .push(Instant::now());
        let next = self.next.lock();
        next.unwrap_or_else(PoisonError::into_inner)
            .pop_front()
            .flatten()
    }

    fn minutes_since(&self, begun: Instant) -> Vec<u64> {
        let placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        // The time of day moves a little during the test, and shortens the waits.
        let late = Duration::from_secs(1);
        let minutes = placed.iter().map(|at| (*at - begun + late).as_secs() / 60);
        minutes.collect()
    }
}

/// Works on no other thread, so that the paused clock waits for it.
impl Work for Arc<Orders> {
    async fn read(&self, store: Arc<CertificateStore>) -> Read {
        store.read()
    }

    async fn order(
        &self,
        settings: Arc<AcmeSettings>,
        _: Arc<AcmeState>,
        failures: u32,
    ) -> Ordered {
        let next = self.next.lock();
        let next = next
            .unwrap_or_else(PoisonError::into_inner)
            .front()
            .map(Option::is_none);
        if next == Some(true) {
            self.take();
            return Ordered::Busy;
        }
        let store = CertificateStore::new(&settings);
        let _lock = store.lock().expect("usable").expect("free");
        let attempts = Attempts {
            settings: &settings,
            store: &store,
            failures,
            jitter: 0.0,
        };
        // The files know the time of day, which the paused clock does not move.
        let passed = self.begun.elapsed();
        let moved = |trouble: OrderTrouble| OrderTrouble {
            next: trouble.next - passed,
            ..trouble
        };
        let now = || SystemTime::now() + passed;
        match attempts.run(now, || self.take().unwrap_or_else(failed)) {
            Ordered::Held(trouble) => Ordered::Held(moved(trouble)),
            Ordered::Failed(trouble) => Ordered::Failed(moved(trouble)),
            other => other,
        }
    }
}

fn failed() -> Issued {
    Err(OrderError::failed("no record"))
}

fn settings(dir: &Path, domains: &[&str]) -> Arc<AcmeSettings> {
    let domains = domains
        .iter()
        .map(|domain| domain.parse().expect("a domain"));
    Arc::new(AcmeSettings {
        domains: domains.collect(),
        contact: None,
        dir: dir.to_owned(),
        server: AcmeServer::Staging,
        trust: Trust::Platform,
    })
}

/// Returns a certificate that expires after `left`, and began as long ago.
fn issued(settings: &AcmeSettings, left: Duration) -> Issued {
    let names = settings.domains.iter().map(ToString::to_string);
    let mut params = CertificateParams::new(names.collect::<Vec<_>>()).expect("names");
    let now = SystemTime::now();
    params.not_before = (now - left).into();
    params.not_after = (now + left).into();
    let key = KeyPair::generate().expect("a key");
    let pem = key.serialize_pem() + &params.self_signed(&key).expect("a certificate").pem();
    let store = CertificateStore::new(settings);
    Ok(Certificate::from_pem(pem.as_bytes(), store.file()).expect("usable"))
}

/// Runs a renewer for a while, in which `act` may send other settings.
async fn run_for(
    time: Duration,
    orders: &Arc<Orders>,
    state: &Arc<AcmeState>,
    first: Option<Arc<AcmeSettings>>,
    act: impl AsyncFnOnce(watch::Sender<Option<Arc<AcmeSettings>>>),
) {
    let renewer = Renewer {
        state: Arc::clone(state),
        jitter: 0.0,
        work: Arc::clone(orders),
    };
    let (sender, settings) = watch::channel(first);
    let acting = async {
        act(sender).await;
        std::future::pending::<()>().await;
    };
    let both = async { tokio::join!(renewer.run(settings), acting) };
    let _ = timeout(time, both).await;
}

async fn keep(sender: watch::Sender<Option<Arc<AcmeSettings>>>) {
    std::future::pending::<()>().await;
    drop(sender);
}

#[tokio::test(start_paused = true)]
async fn failures_are_spaced_and_told_until_an_order_succeeds() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = settings(dir.path(), &["a.example"]);
    let good = issued(&settings, DAY * 30);
    let orders =
        Orders::returning([failed(), failed(), failed(), failed(), failed(), good].map(Some));
    let state = Arc::<AcmeState>::default();
    let begun = Instant::now();
    run_for(
        MINUTE * 111,
        &orders,
        &state,
        Some(Arc::clone(&settings)),
        keep,
    )
    .await;
    assert_eq!(orders.minutes_since(begun), [0, 5, 20, 50, 110]);
    let trouble = state.trouble().expect("trouble");
    assert_eq!((trouble.failures, &*trouble.reason), (5, "no record"));
    assert!(state.certificate().is_none());
}

#[tokio::test(start_paused = true)]
async fn only_other_settings_order_at_once_and_an_issued_certificate_ends_the_trouble() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = settings(dir.path(), &["a.example"]);
    let other = Arc::new(AcmeSettings {
        contact: Some("ops@a.example".parse().expect("an address")),
        ..AcmeSettings::clone(&first)
    });
    let orders = Orders::returning([failed(), failed(), issued(&first, DAY * 30)].map(Some));
    let state = Arc::<AcmeState>::default();
    let begun = Instant::now();
    let same = Some(Arc::new(AcmeSettings::clone(&first)));
    let reload = async |sender: watch::Sender<_>| {
        for _ in 0..7 {
            sleep(MINUTE).await;
            sender.send_replace(same.clone());
        }
        sender.send_replace(Some(other));
        keep(sender).await;
    };
    run_for(DAY, &orders, &state, Some(first), reload).await;
    assert_eq!(orders.minutes_since(begun), [0, 5, 7]);
    assert_eq!(state.trouble(), None);
    assert_eq!((state.issued.number(), state.failed.number()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_spacing_and_the_demand_of_the_server() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = settings(dir.path(), &["a.example"]);
    let refused = OrderError::failed("too many").demanding(Some(MINUTE * 90));
    let orders = Orders::returning([failed(), Err(refused), failed()].map(Some));
    let begun = Instant::now();
    for _ in 0..10 {
        let state = Arc::<AcmeState>::default();
        run_for(MINUTE, &orders, &state, Some(Arc::clone(&first)), keep).await;
        assert!(state.trouble().is_some(), "a new process tells it as well");
    }
    assert_eq!(orders.minutes_since(begun), [0, 5]);
    // The server does not care for other domains.
    let other = settings(dir.path(), &["b.example"]);
    let state = Arc::<AcmeState>::default();
    run_for(MINUTE * 86, &orders, &state, Some(other), keep).await;
    assert_eq!(orders.minutes_since(begun), [0, 5, 95]);
    let trouble = state.trouble().expect("trouble");
    assert_eq!((trouble.failures, &*trouble.reason), (1, "no record"));
}

#[tokio::test(start_paused = true)]
async fn a_file_of_a_wrong_clock_or_a_damaged_one_holds_nothing_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = settings(dir.path(), &["a.example"]);
    let orders = Orders::returning([]);
    let begun = Instant::now();
    let state = Arc::<AcmeState>::default();
    run_for(MINUTE, &orders, &state, Some(Arc::clone(&first)), keep).await;
    let file = CertificateStore::new(&first).attempt();
    let text = std::fs::read_to_string(&file).expect("a file");
    let mut stored: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    stored["next"] = u64::MAX.into();
    stored["demanded"] = 9_999_999_999u64.into();
    for content in [stored.to_string(), "damaged".to_owned()] {
        std::fs::write(&file, content).expect("written");
        run_for(MINUTE, &orders, &state, Some(Arc::clone(&first)), keep).await;
    }
    assert_eq!(orders.minutes_since(begun), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn another_gate_that_orders_is_waited_for_and_is_no_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = settings(dir.path(), &["a.example"]);
    let busy = (0..6).map(|_| None);
    let orders = Orders::returning(busy);
    let state = Arc::<AcmeState>::default();
    let begun = Instant::now();
    run_for(BUSY * 6 - BUSY / 2, &orders, &state, Some(settings), keep).await;
    assert_eq!(orders.minutes_since(begun), [0; 6]);
    assert_eq!((state.failed.number(), state.trouble()), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_due_at_once_does_not_lead_to_order_after_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = settings(dir.path(), &["a.example"]);
    // The clock of this machine is ahead: the certificates have expired when they come.
    let ended = || issued(&settings, Duration::ZERO);
    let orders = Orders::returning([ended(), ended(), ended(), ended()].map(Some));
    let state = Arc::<AcmeState>::default();
    let begun = Instant::now();
    run_for(
        MINUTE * 130,
        &orders,
        &state,
        Some(Arc::clone(&settings)),
        keep,
    )
    .await;
    assert_eq!(orders.minutes_since(begun), [0, 60, 120]);
}

#[tokio::test(start_paused = true)]
async fn the_stored_certificate_needs_no_order_and_other_domains_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let one = settings(dir.path(), &["a.example"]);
    let two = settings(dir.path(), &["a.example", "b.example"]);
    let orders = Orders::returning([]);
    let state = Arc::<AcmeState>::default();
    state.put_in_force(Arc::new(issued(&one, DAY * 30).expect("issued")));
    let begun = Instant::now();
    let change = async |sender: watch::Sender<_>| {
        sleep(MINUTE * 7).await;
        sender.send_replace(Some(two));
        keep(sender).await;
    };
    run_for(MINUTE * 8, &orders, &state, Some(one), change).await;
    assert_eq!(orders.minutes_since(begun), [7]);
    let present = state.certificate().expect("the old one stays in force");
    assert!(present.is_for("a.example"));
}
