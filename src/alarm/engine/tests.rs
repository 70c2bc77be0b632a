//! Engines against a recording receiver on a real socket, alone and as two gates of one store.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    alarm::{
        evaluation::{OpenProblem, Unknown},
        severity::Severity,
    },
    inbox::{
        settings::Limits,
        store::{
            StoreMeter, sqlite,
            suite::{LIMITS, seals},
        },
    },
    net::connect::Trust,
    runtime::clock::Clock,
};

const START: Millis = 1_800_000_000_000;

/// A receiver that records each message and responds with a status.
struct Recorder {
    url: String,
    status: Arc<AtomicU16>,
    messages: Arc<Mutex<Vec<Json>>>,
}

impl Recorder {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let recorder = Self {
            url: format!("http://{address}/alarms?key=planted"),
            status: Arc::new(AtomicU16::new(204)),
            messages: Arc::default(),
        };
        let (status, messages) = (Arc::clone(&recorder.status), Arc::clone(&recorder.messages));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let status = status.load(Relaxed);
                let message = respond(stream, status).await;
                if status < 300 {
                    messages.lock().expect("whole").push(message);
                }
            }
        });
        recorder
    }

    fn receiver(&self) -> AlarmReceiver {
        let address = self.url.parse().expect("an address");
        let receiver = AlarmReceiver::new(address, &Trust::Platform);
        let mut receiver = receiver.expect("plain HTTP");
        receiver.name = "ops".to_owned();
        receiver
    }

    /// Returns `condition subject state` of each edge, message by message.
    fn edges(&self) -> Vec<Vec<String>> {
        let messages = self.messages.lock().expect("whole");
        let edges = messages.iter().map(|message| {
            let alarms = message["alarms"].as_array().expect("a list").iter();
            let edge = |one: &Json| {
                let text = |key: &str| one[key].as_str().expect("a text").to_owned();
                format!(
                    "{} {} {}",
                    text("condition"),
                    text("subject"),
                    text("state")
                )
            };
            alarms.map(edge).collect()
        });
        edges.collect()
    }

    /// Waits until so many messages were recorded.
    async fn has(&self, number: usize) -> Vec<Vec<String>> {
        for _ in 0..5_000 {
            if self.edges().len() >= number {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let edges = self.edges();
        assert_eq!(edges.len(), number, "{edges:?}");
        edges
    }
}

/// Reads a request, and responds. Returns its body.
async fn respond(mut stream: TcpStream, status: u16) -> Json {
    let mut request = Vec::new();
    let body = loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.expect("a request");
        assert!(read > 0, "it ended early");
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        assert!(
            head.starts_with("POST /alarms?key=planted HTTP/1.1"),
            "{head}"
        );
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        if body.len() == length {
            break body.to_owned();
        }
    };
    let response = format!("HTTP/1.1 {status} x\r\nLocation: /alarms\r\nContent-Length: 0\r\n\r\n");
    stream
        .write_all(response.as_bytes())
        .await
        .expect("written");
    serde_json::from_str(&body).expect("JSON")
}

/// A gate with one receiver.
struct Gate {
    engine: AlarmEngine,
    meters: AlarmMeters,
    now: Millis,
}

impl Gate {
    fn new(receiver: AlarmReceiver, store: Option<&Arc<dyn Store>>, shared: bool) -> Self {
        let mut gate = Self {
            engine: AlarmEngine::new(store.cloned(), shared),
            meters: AlarmMeters::default(),
            now: START,
        };
        gate.follow(vec![receiver]);
        gate
    }

    fn follow(&mut self, receivers: Vec<AlarmReceiver>) {
        let receivers: Vec<_> = receivers.into_iter().map(Arc::new).collect();
        self.engine.follow(&receivers, &self.meters);
    }

    async fn look(&mut self, problems: &[(Condition, &str)]) {
        self.look_without(problems, &[]).await;
    }

    async fn look_without(&mut self, problems: &[(Condition, &str)], unknown: &[Condition]) {
        let problems = problems.iter().map(|(condition, subject)| OpenProblem {
            condition: *condition,
            subject: (*subject).to_owned(),
            text: format!("{subject}: {condition}"),
            line: "a line of the status, with the error text planted".to_owned(),
        });
        let unknown = unknown.iter().map(|condition| Unknown {
            condition: *condition,
            subject: None,
        });
        let evaluation = Evaluation {
            problems: problems.collect(),
            unknown: unknown.collect(),
        };
        self.now += 2_000;
        self.engine.compare(&evaluation, self.now).await;
    }

    /// Waits until the sender has reported so many messages, and takes note of them.
    async fn sent(&mut self, number: u64) {
        while self.meters.of("ops").sent.number() < number {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

fn store(dir: &TempDir) -> Arc<dyn Store> {
    open(dir, &LIMITS)
}

fn open(dir: &TempDir, limits: &Limits) -> Arc<dyn Store> {
    let file = dir.path().join("inbox.db");
    let meter = Arc::new(StoreMeter::default());
    loop {
        match sqlite::open(&file, limits, seals(), Clock::System, Arc::clone(&meter)) {
            Ok(store) => break store,
            // The thread of a store that was just dropped still closes it.
            Err(error) => assert!(error.is_in_use(), "{error}"),
        }
    }
}

/// Opens the same store as if its disk were full: it can be read and not written.
fn full_store(dir: &TempDir) -> Arc<dyn Store> {
    let limits = Limits {
        disk_floor: u64::MAX,
        ..LIMITS
    };
    open(dir, &limits)
}

use Condition::{AlarmFailed, DeadLetter, InboxFailed, OldSecretRemovable, Silence};

#[tokio::test]
async fn conditions_that_begin_together_share_a_message_and_recover() {
    let recorder = Recorder::start().await;
    let mut gate = Gate::new(recorder.receiver(), None, false);
    gate.look(&[]).await;
    for _ in 0..3 {
        gate.look(&[(DeadLetter, "shop"), (Silence, "orders")])
            .await;
    }
    gate.look(&[(Silence, "orders")]).await;
    gate.look_without(&[], &[Silence]).await;
    let edges = recorder.has(2).await;
    assert_eq!(
        edges[0],
        ["silence orders raised", "dead-letter shop raised"]
    );
    assert_eq!(edges[1], ["dead-letter shop recovered"]);
    gate.look(&[]).await;
    assert_eq!(recorder.has(3).await[2], ["silence orders recovered"]);
    let text = format!("{:?}", recorder.messages.lock().expect("whole"));
    assert!(text.contains("orders: silence"), "{text}");
    assert!(!text.contains("planted"), "{text}");
}

#[tokio::test]
async fn a_receiver_gets_no_alarm_below_its_severity_and_none_about_itself() {
    let recorder = Recorder::start().await;
    let mut receiver = recorder.receiver();
    receiver.severity = Severity::Warning;
    let mut gate = Gate::new(receiver, None, false);
    gate.look(&[(OldSecretRemovable, "orders/old"), (AlarmFailed, "ops")])
        .await;
    gate.look(&[(AlarmFailed, "chat")]).await;
    let edges = recorder.has(1).await;
    assert_eq!(edges[0], ["alarm-failed chat raised"]);
}

#[tokio::test]
async fn a_message_is_sent_again_until_the_receiver_accepts_it() {
    let recorder = Recorder::start().await;
    recorder.status.store(503, Relaxed);
    let mut gate = Gate::new(recorder.receiver(), None, false);
    gate.look(&[(DeadLetter, "shop")]).await;
    gate.look(&[]).await;
    let meter = gate.meters.of("ops");
    while meter.failed.number() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    recorder.status.store(200, Relaxed);
    // A reload ends the wait.
    gate.follow(vec![recorder.receiver()]);
    let edges = recorder.has(2).await;
    assert_eq!(edges[0], ["dead-letter shop raised"]);
    assert_eq!(edges[1], ["dead-letter shop recovered"]);
    gate.sent(2).await;
    assert_eq!(meter.dropped.number(), 0);
    assert_eq!(meter.failing.number(), 0);
}

#[tokio::test]
async fn a_redirect_and_a_rejection_are_final() {
    for status in [307, 404] {
        let recorder = Recorder::start().await;
        recorder.status.store(status, Relaxed);
        let mut gate = Gate::new(recorder.receiver(), None, false);
        gate.look(&[(DeadLetter, "shop")]).await;
        let meter = gate.meters.of("ops");
        while meter.dropped.number() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(meter.failed.number(), 1, "{status}");
        assert!(recorder.edges().is_empty(), "{status}");
    }
}

#[tokio::test]
async fn a_full_queue_loses_no_alarm_that_still_holds() {
    let recorder = Recorder::start().await;
    recorder.status.store(503, Relaxed);
    let receiver = || {
        let mut receiver = recorder.receiver();
        receiver.cool_down = Duration::ZERO;
        receiver
    };
    let mut gate = Gate::new(receiver(), None, false);
    for _ in 0..QUEUE {
        gate.look(&[(DeadLetter, "shop")]).await;
        gate.look(&[]).await;
    }
    gate.look(&[(InboxFailed, "")]).await;
    recorder.status.store(200, Relaxed);
    gate.follow(vec![receiver()]);
    while !recorder
        .edges()
        .concat()
        .contains(&"inbox-failed  raised".to_owned())
    {
        gate.look(&[(InboxFailed, "")]).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(recorder.edges().len() <= QUEUE + 3);
}

#[tokio::test]
async fn two_gates_of_one_store_send_each_edge_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let (recorder, store) = (Recorder::start().await, store(&dir));
    let mut first = Gate::new(recorder.receiver(), Some(&store), true);
    let mut second = Gate::new(recorder.receiver(), Some(&store), true);
    let both = &[(DeadLetter, "shop"), (Silence, "orders")][..];
    for _ in 0..5 {
        tokio::join!(first.look(both), second.look(both));
    }
    let raised = recorder.has(recorder.edges().len().max(1)).await.concat();
    // The second gate still sees one of the two conditions.
    for _ in 0..20 {
        tokio::join!(first.look(&[]), second.look(&[(Silence, "orders")]));
    }
    while recorder.edges().concat().len() < 3 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for _ in 0..20 {
        tokio::join!(first.look(&[]), second.look(&[]));
    }
    while recorder.edges().concat().len() < 4 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for _ in 0..20 {
        tokio::join!(first.look(&[]), second.look(&[]));
    }
    let mut all = recorder.edges().concat();
    assert!(raised.len() <= 2 && all.len() == 4, "{all:?}");
    assert_eq!(
        all[2..],
        ["dead-letter shop recovered", "silence orders recovered"]
    );
    all.truncate(2);
    all.sort();
    assert_eq!(all, ["dead-letter shop raised", "silence orders raised"]);
}

#[tokio::test]
async fn two_gates_send_the_end_of_a_long_alarm_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let (recorder, store) = (Recorder::start().await, store(&dir));
    let mut receiver = [recorder.receiver(), recorder.receiver()];
    // So the alarm has lasted for longer than the cool-down.
    receiver
        .iter_mut()
        .for_each(|one| one.cool_down = Duration::ZERO);
    let [mut first, mut second] = receiver.map(|one| Gate::new(one, Some(&store), true));
    for _ in 0..5 {
        first.look(&[(DeadLetter, "shop")]).await;
        second.look(&[(DeadLetter, "shop")]).await;
    }
    recorder.has(1).await;
    first.sent(1).await;
    // The second gate sends the end and removes the record before the first one looks again.
    for _ in 0..30 {
        second.look(&[]).await;
    }
    recorder.has(2).await;
    second.sent(1).await;
    second.look(&[]).await;
    assert_eq!(store.list_meta("alarm:").await.expect("a list"), []);
    first.now = second.now;
    for _ in 0..30 {
        first.look(&[]).await;
    }
    let edges = recorder.edges().concat();
    assert_eq!(
        edges,
        ["dead-letter shop raised", "dead-letter shop recovered"]
    );
}

#[tokio::test]
async fn a_store_that_can_only_be_read_repeats_no_alarm() {
    let dir = tempfile::tempdir().expect("a directory");
    let recorder = Recorder::start().await;
    let mut receiver = recorder.receiver();
    receiver.cool_down = Duration::ZERO;
    let mut gate = Gate::new(receiver, Some(&store(&dir)), false);
    gate.look(&[(DeadLetter, "shop")]).await;
    gate.sent(1).await;
    gate.look(&[(DeadLetter, "shop")]).await;
    gate.engine.records = Records::new(None);
    gate.engine.records = Records::new(Some(full_store(&dir)));
    for _ in 0..10 {
        gate.look(&[]).await;
        gate.sent(2).await;
    }
    let edges = recorder.edges().concat();
    assert_eq!(
        edges,
        ["dead-letter shop raised", "dead-letter shop recovered"]
    );
    gate.look(&[(DeadLetter, "shop")]).await;
    gate.sent(3).await;
    // The store works again, and learns what it has missed.
    gate.engine.records = Records::new(None);
    let whole = store(&dir);
    gate.engine.records = Records::new(Some(Arc::clone(&whole)));
    gate.look(&[(DeadLetter, "shop")]).await;
    gate.look(&[(DeadLetter, "shop")]).await;
    drop(gate);
    let mut gate = Gate::new(recorder.receiver(), Some(&whole), false);
    gate.look(&[(DeadLetter, "shop")]).await;
    gate.look(&[]).await;
    let edges = recorder.has(4).await.concat();
    let expected = ["dead-letter shop raised", "dead-letter shop recovered"].repeat(2);
    assert_eq!(edges, expected);
}

#[tokio::test]
async fn many_alarms_are_divided_into_messages() {
    let recorder = Recorder::start().await;
    let mut gate = Gate::new(recorder.receiver(), None, false);
    let names: Vec<String> = (0..NOTICES * (QUEUE + 2))
        .map(|one| format!("shop{one}"))
        .collect();
    let all: Vec<_> = names.iter().map(|name| (DeadLetter, &**name)).collect();
    gate.look(&all).await;
    gate.sent(QUEUE as u64).await;
    assert_eq!(recorder.edges().len(), QUEUE, "the others wait");
    gate.look(&all).await;
    gate.sent(QUEUE as u64 + 2).await;
    let messages = recorder.edges();
    assert!(messages.iter().all(|one| one.len() == NOTICES));
    let subjects: BTreeSet<_> = messages.concat().into_iter().collect();
    assert_eq!(subjects.len(), names.len(), "each once");
}

#[tokio::test]
async fn an_alarm_that_was_given_up_is_sent_once_its_receiver_works() {
    let recorder = Recorder::start().await;
    recorder.status.store(404, Relaxed);
    let mut receiver = recorder.receiver();
    receiver.cool_down = Duration::ZERO;
    let mut gate = Gate::new(receiver, None, false);
    let both = [(DeadLetter, "shop"), (Silence, "orders")];
    gate.look(&both).await;
    let meter = gate.meters.of("ops");
    while meter.dropped.number() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    recorder.status.store(204, Relaxed);
    // The receiver never learns of the one that is over by then.
    for _ in 0..40 {
        gate.look(&both[..1]).await;
    }
    assert_eq!(recorder.has(1).await[0], ["dead-letter shop raised"]);
    assert_eq!(meter.failing.number(), 0);
    gate.look(&[]).await;
    assert_eq!(recorder.has(2).await[1], ["dead-letter shop recovered"]);
}

#[tokio::test]
async fn a_higher_severity_ends_no_alarm() {
    let recorder = Recorder::start().await;
    let mut gate = Gate::new(recorder.receiver(), None, false);
    let both = [(OldSecretRemovable, "orders/old"), (DeadLetter, "shop")];
    gate.look(&both).await;
    recorder.has(1).await;
    let mut receiver = recorder.receiver();
    receiver.severity = Severity::Warning;
    gate.follow(vec![receiver]);
    gate.look(&both).await;
    gate.look(&[]).await;
    assert_eq!(recorder.has(2).await[1], ["dead-letter shop recovered"]);
}

#[tokio::test]
async fn a_restart_neither_repeats_nor_forgets_an_alarm() {
    let dir = tempfile::tempdir().expect("a directory");
    let (recorder, store) = (Recorder::start().await, store(&dir));
    let mut gate = Gate::new(recorder.receiver(), Some(&store), false);
    gate.look(&[(DeadLetter, "shop"), (Silence, "orders")])
        .await;
    recorder.has(1).await;
    gate.sent(1).await;
    gate.look(&[(DeadLetter, "shop"), (Silence, "orders")])
        .await;
    drop(gate);
    let mut gate = Gate::new(recorder.receiver(), Some(&store), false);
    gate.look_without(&[(DeadLetter, "shop")], &[Silence]).await;
    gate.look(&[]).await;
    let edges = recorder.has(2).await;
    assert_eq!(
        edges[1],
        ["silence orders recovered", "dead-letter shop recovered"]
    );
}

#[tokio::test]
async fn an_alarm_that_a_restart_has_interrupted_is_sent_afterwards() {
    let dir = tempfile::tempdir().expect("a directory");
    let (recorder, store) = (Recorder::start().await, store(&dir));
    recorder.status.store(503, Relaxed);
    let mut gate = Gate::new(recorder.receiver(), Some(&store), false);
    gate.look(&[(DeadLetter, "shop")]).await;
    let meter = gate.meters.of("ops");
    while meter.failed.number() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(gate);
    recorder.status.store(200, Relaxed);
    let mut gate = Gate::new(recorder.receiver(), Some(&store), false);
    gate.look(&[(DeadLetter, "shop")]).await;
    assert_eq!(recorder.has(1).await[0], ["dead-letter shop raised"]);
}

#[tokio::test]
async fn a_malformed_record_is_replaced_and_foreign_ones_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let (recorder, store) = (Recorder::start().await, store(&dir));
    let names = [
        "alarm:ops:dead-letter:shop",
        "alarm:ops:2:dead-letter:shop",
        "alarm:ops:unheard-of:shop",
        "alarm:chat:dead-letter:shop",
    ];
    for name in names {
        let set = store.set_meta(name.to_owned(), b"nonsense".to_vec());
        set.await.expect("set");
    }
    let mut gate = Gate::new(recorder.receiver(), Some(&store), false);
    gate.look(&[(DeadLetter, "shop")]).await;
    assert_eq!(recorder.has(1).await[0], ["dead-letter shop raised"]);
    let records = store.list_meta(PREFIX).await.expect("listed");
    let untouched = records.iter().filter(|(_, value)| value == b"nonsense");
    assert_eq!((records.len(), untouched.count()), (4, 3));
}

#[tokio::test]
async fn a_removed_receiver_gets_nothing_more() {
    let (recorder, other) = (Recorder::start().await, Recorder::start().await);
    let mut gate = Gate::new(recorder.receiver(), None, false);
    gate.look(&[(DeadLetter, "shop")]).await;
    recorder.has(1).await;
    let mut renamed = other.receiver();
    renamed.name = "chat".to_owned();
    gate.follow(vec![renamed]);
    gate.look(&[(DeadLetter, "shop")]).await;
    assert_eq!(
        other.has(1).await[0],
        ["dead-letter shop raised"],
        "news to it"
    );
    gate.look(&[]).await;
    assert_eq!(other.has(2).await[1], ["dead-letter shop recovered"]);
    assert_eq!(recorder.edges().len(), 1);
    let names: Vec<_> = gate
        .meters
        .all()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["chat"]);
}

#[tokio::test]
async fn a_message_is_signed_and_an_error_hides_the_path() {
    use crate::destination::webhooks::Signer;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let url = format!("http://{address}/planted?key=planted");
    let trust = Trust::Platform;
    let receiver = AlarmReceiver::new(url.parse().expect("an address"), &trust);
    let secret = tower_cartgate::Secret::new(SECRET).expect("a secret");
    let signer = Signer::new(&secret).expect("it signs");
    let receiver = receiver.expect("plain HTTP").signed_by(Some(signer));
    let accepted = async {
        let (mut stream, _) = listener.accept().await.expect("accepted");
        let mut request = vec![0; 8192];
        let mut length = 0;
        while !request[..length].ends_with(b"}") {
            length += stream.read(&mut request[length..]).await.expect("read");
        }
        stream
            .write_all(b"HTTP/1.1 400 x\r\n\r\n")
            .await
            .expect("written");
        String::from_utf8(request[..length].to_vec()).expect("text")
    };
    let (result, request) = tokio::join!(receiver.test(), accepted);
    let error = result.expect_err("rejected").to_string();
    assert_eq!(error, "status 400 Bad Request");
    assert!(!format!("{error} {receiver:?} {}", receiver.place()).contains("planted"));
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    let headers: http::HeaderMap = head.lines().skip(1).map(header).collect();
    let verifier = standardwebhooks::Webhook::new(SECRET).expect("a secret");
    verifier.verify(body.as_bytes(), &headers).expect("genuine");
    let body: Json = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["test"], json!(true));
    let text = |name: &str| headers[name].to_str().expect("text").to_owned();
    assert_eq!(body["id"], json!(text("webhook-id")));
}

fn header(line: &str) -> (http::HeaderName, http::HeaderValue) {
    let (name, value) = line.split_once(": ").expect("a header");
    let value = value.parse().expect("a value");
    (name.parse().expect("a name"), value)
}
