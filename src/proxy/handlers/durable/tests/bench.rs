//! The rate at which events are stored (`make bench-inbox`): by the gate over sockets, by the store
//! alone, and by single syncs of the disk.
//!
//! The three take turns, so that noise of the machine affects each. The test prints rates and
//! judges nothing.

use std::{
    fs::File,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};
use tower_cartgate::{EventKind, Secret, Signer};
use uuid::Uuid;

use super::test_gate::{SECRET, TestGate};
use crate::{
    delivery::{
        event::{Arrival, SealedEvent, Subscribers},
        seal::DeliverySeals,
    },
    inbox::{
        settings::Limits,
        store::{Store, sqlite},
    },
    runtime::clock::{Clock, Millis},
};

const ROUNDS: usize = 11;
const MANY: usize = 64;
const ROUND: Duration = Duration::from_millis(500);

/// Bytes of the body of a typical order.
const SIZE: usize = 1500;

#[allow(clippy::print_stdout, reason = "the purpose of the test")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures; make bench-inbox runs it"]
async fn how_fast_events_are_kept() {
    let dir = tempfile::tempdir_in(".").expect("a directory on the disk that is built on");
    let stored = std::env::var("CARTGATE_BENCH_EVENTS").ok();
    let stored = stored.map_or(0, |number| number.parse().expect("a number"));
    let [alone, behind] = ["alone.db", "behind.db"].map(|name| open(&dir, name));
    for store in [&alone, &behind] {
        fill(store, stored).await;
    }
    let gate = TestGate::start(Arc::clone(&behind), |_| {});
    let disk = dir.path().join("raw");
    let mut rates: [Vec<f64>; 5] = Default::default();
    for _ in 0..ROUNDS {
        rates[0].push(syncs(&disk));
        rates[1].push(keeps(&alone, 1).await);
        rates[2].push(sends(&gate, 1).await);
        rates[3].push(keeps(&alone, MANY).await);
        rates[4].push(sends(&gate, MANY).await);
        let [.., together, many] = [0, 1, 2, 3, 4].map(|kind| rates[kind][rates[kind].len() - 1]);
        // `make bench` reads this line.
        println!("round of {MANY}: store alone {together:.0}/s, gate {many:.0}/s");
    }
    let [disk, alone, one, together, many] = rates.map(median);
    println!("events stored before        {stored}");
    println!("appends and syncs a second  {disk:.0}");
    println!("store alone, 1 task         {alone:.0}/s");
    println!(
        "gate, 1 sender              {one:.0}/s  {:.2} of the store alone",
        one / alone
    );
    println!("store alone, {MANY} tasks       {together:.0}/s");
    println!(
        "gate, {MANY} senders            {many:.0}/s  {:.2} of the store alone",
        many / together
    );
}

fn open(dir: &TempDir, name: &str) -> Arc<dyn Store> {
    let limits = Limits {
        events: u64::MAX,
        bytes: u64::MAX,
        ..Limits::default()
    };
    let file = dir.path().join(name);
    let seals = DeliverySeals::new(&Secret::new("the key of the store").expect("a secret"));
    sqlite::open(&file, &limits, seals, Clock::System, Arc::default()).expect("a store")
}

/// Stores events for which no dispatcher runs.
async fn fill(store: &Arc<dyn Store>, stored: u64) {
    const AT_ONCE: u64 = 1000;
    for _ in 0..stored / AT_ONCE {
        let all = (0..AT_ONCE).map(|_| store.insert(arrival(), Box::new(())));
        for kept in join_all(all).await {
            kept.expect("kept");
        }
    }
}

fn syncs(file: &std::path::Path) -> f64 {
    let mut file = File::create(file).expect("a file");
    let (begun, mut count) = (Instant::now(), 0);
    while begun.elapsed() < ROUND {
        file.write_all(&[7; 4096]).expect("written");
        file.sync_data().expect("synced");
        count += 1;
    }
    rate(count, begun)
}

async fn keeps(store: &Arc<dyn Store>, tasks: usize) -> f64 {
    let begun = Instant::now();
    let tasks = (0..tasks).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut count = 0;
            while begun.elapsed() < ROUND {
                store.insert(arrival(), Box::new(())).await.expect("kept");
                count += 1;
            }
            count
        })
    });
    rate(sum(join_all(tasks).await), begun)
}

async fn sends(gate: &TestGate, clients: usize) -> f64 {
    let begun = Instant::now();
    let clients = (0..clients).map(|_| {
        let address = gate.address.clone();
        tokio::spawn(async move {
            let wire = TcpStream::connect(&address).await.expect("connected");
            wire.set_nodelay(true).expect("set");
            let mut wire = BufReader::new(wire);
            let mut count = 0;
            while begun.elapsed() < ROUND {
                wire.write_all(&order()).await.expect("written");
                read_answer(&mut wire).await;
                count += 1;
            }
            count
        })
    });
    rate(sum(join_all(clients).await), begun)
}

/// Reads a response 200 without a body.
async fn read_answer(wire: &mut BufReader<TcpStream>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(wire.read_u8().await.expect("an answer"));
    }
    assert!(
        head.starts_with(b"HTTP/1.1 200 "),
        "{}",
        head.escape_ascii()
    );
}

fn order() -> Vec<u8> {
    let body = body();
    let secret = Secret::new(SECRET).expect("a secret");
    let signature = Signer::new(&secret).sign(body.as_bytes());
    format!(
        "POST /hooks HTTP/1.1\r\nHost: gate.example\r\nX-Cartfunnel-Hmac-SHA256: {signature}\r\nContent-Length: {SIZE}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Returns a body that differs from all others.
fn body() -> String {
    let begin = format!(r#"{{"event":"paid","id":{},"text":""#, number());
    let text = "x".repeat(SIZE - begin.len() - 2);
    format!("{begin}{text}\"}}")
}

fn arrival() -> Arrival {
    let mut digest = [0; 32];
    // Spread over the index like keyed digests.
    let spread = number().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    digest[..8].copy_from_slice(&spread.to_be_bytes());
    Arrival {
        event: SealedEvent {
            id: Uuid::now_v7(),
            endpoint: "orders".into(),
            kind: EventKind::Order,
            received: Millis::default(),
            head: Bytes::from(vec![0; 300]),
            seal: [0; 32],
            digest,
            body: Bytes::from(body()),
        },
        subscribers: Subscribers::Queues(vec!["fulfilment".into()]),
        unique: None,
        late: false,
    }
}

fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

fn sum(counts: Vec<Result<u64, tokio::task::JoinError>>) -> u64 {
    counts
        .into_iter()
        .map(|count| count.expect("no panic"))
        .sum()
}

fn rate(count: u64, begun: Instant) -> f64 {
    count as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
