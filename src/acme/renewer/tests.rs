//! Runs a renewer with a paused clock and given results of orders.

use super::*;

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Mutex, PoisonError},
};

use rcgen::{CertificateParams, KeyPair};
use tokio::time::timeout;

use crate::{acme::server::AcmeServer, net::connect::Trust};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The results of the orders to come, and the times of those that were placed.
#[derive(Default)]
struct Orders {
    next: Mutex<VecDeque<Ordered>>,
    placed: Mutex<Vec<Instant>>,
}

impl Orders {
    fn returning(results: impl IntoIterator<Item = Ordered>) -> Arc<Self> {
        Arc::new(Self {
            next: Mutex::new(results.into_iter().collect()),
            placed: Mutex::default(),
        })
    }

    fn minutes_since(&self, begun: Instant) -> Vec<u64> {
        let placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let minutes = placed.iter().map(|at| (*at - begun).as_secs() / 60);
        minutes.collect()
    }
}

/// Works on no other thread, so that the paused clock waits for it.
impl Work for Arc<Orders> {
    async fn read(&self, store: Arc<CertificateStore>) -> Read {
        store.read()
    }

    async fn order(&self, _: Arc<AcmeSettings>, _: Arc<AcmeState>) -> Ordered {
        let placed = self.placed.lock();
        placed
            .unwrap_or_else(PoisonError::into_inner)
            .push(Instant::now());
        let next = self
            .next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        next.unwrap_or_else(failed)
    }
}

fn failed() -> Ordered {
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
fn issued(settings: &AcmeSettings, left: Duration) -> Ordered {
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
    let orders = Orders::returning([failed(), failed(), failed(), failed(), failed(), good]);
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
async fn a_reload_tries_at_once_and_an_issued_certificate_ends_the_trouble() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = settings(dir.path(), &["a.example"]);
    let orders = Orders::returning([failed(), issued(&settings, DAY * 30)]);
    let state = Arc::<AcmeState>::default();
    let begun = Instant::now();
    let same = Some(Arc::clone(&settings));
    let reload = async |sender: watch::Sender<_>| {
        sleep(MINUTE).await;
        sender.send_replace(same);
        keep(sender).await;
    };
    run_for(DAY, &orders, &state, Some(Arc::clone(&settings)), reload).await;
    assert_eq!(orders.minutes_since(begun), [0, 1]);
    assert_eq!(state.trouble(), None);
    assert_eq!(state.issued.number(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_gate_that_orders_is_waited_for_and_is_no_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = settings(dir.path(), &["a.example"]);
    let busy = (0..6).map(|_| Err(OrderError::Busy));
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
    let orders = Orders::returning([ended(), ended(), ended(), ended()]);
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
