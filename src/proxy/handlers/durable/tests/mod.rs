//! The intake over real sockets: with the real store, and with one whose commits a test delays.

mod bench;
mod held_store;
mod test_gate;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, timeout},
};
use tower_cartgate::{EventKind, FreshRule, Policy, Secret, Signer};

use self::{
    held_store::HeldStore,
    test_gate::{BODY, PATIENCE, SECRET, TestGate, durable, genuine, real, signed_by},
};
use super::{intake::LARGE, *};
use crate::{
    delivery::{
        Head,
        event::{DeliveryState, Subscribers},
    },
    endpoint::Endpoints,
    inbox::store::{Limit, StoreError},
    net::peer::Peer,
    proxy::{
        access_log::Entry,
        config::Config,
        context::{EndpointContext, RequestContext},
        shared::Shared,
        state::ConnectionState,
    },
};

#[tokio::test]
async fn what_is_kept_is_whole_with_its_head_and_answered_200_without_a_body() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = TestGate::start(real(dir.path()), |endpoint| {
        endpoint.headers.drop = vec![http::header::USER_AGENT];
    });
    let bodies = [
        r#"{"event":"paid","n":1}"#,
        r#"{"event":"left"}"#,
        r#"{"event":"paid","n":3}"#,
    ];
    for body in bodies {
        let answer = gate.send(body).await;
        assert!(answer.starts_with("http/1.1 200 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
        assert!(answer.contains("x-cartgate-delivery: "), "{answer}");
    }
    let stored = gate.stored().await;
    assert_eq!(stored.len(), 3);
    for (listed, body) in stored.iter().zip(bodies) {
        assert_eq!(
            (listed.state, &*listed.queue),
            (DeliveryState::Pending, "fulfilment")
        );
        let intact = gate.opened(listed.event).await;
        assert_eq!(intact.body(), body);
        let head = intact.head();
        assert_eq!(head.target, "/hooks?a=b");
        let values = |wanted: &str| -> Vec<_> {
            let lines = head.headers.iter().filter(|(name, _)| *name == wanted);
            lines.map(|(_, value)| value).collect()
        };
        assert_eq!(values("x-shop"), ["one", "two"]);
        assert_eq!(head.host.as_ref().expect("named"), "gate.example");
        for gone in ["cookie", "x-hop", "connection", "host"] {
            assert!(values(gone).is_empty(), "{gone}");
        }
    }
    assert_eq!(stored[1].kind, "abandoned-cart");
    timeout(PATIENCE, gate.queue.work.notified())
        .await
        .expect("the queue was woken");
}

#[tokio::test]
async fn a_rejected_delivery_is_never_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = TestGate::start(real(dir.path()), |endpoint| {
        let fresh = FreshRule::new("/at", Duration::from_secs(60)).expect("a pointer");
        endpoint.policy = Arc::new(Policy::clone(&endpoint.policy).with_fresh_rule(fresh));
    });
    let forged = signed_by("another secret of these tests", r#"{"event":"paid"}"#);
    assert!(gate.ask(&forged).await.starts_with("http/1.1 401 "));
    let stale = gate.send(r#"{"event":"paid","at":1000}"#).await;
    assert!(stale.starts_with("http/1.1 422 "), "{stale}");
    assert!(gate.stored().await.is_empty());
}

#[tokio::test]
async fn what_nobody_wants_is_kept_as_a_dead_letter() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = TestGate::start(real(dir.path()), |endpoint| {
        durable(endpoint).permitted = vec![EventKind::Order, EventKind::Other];
    });
    for event in ["left", "unheard-of", "paid"] {
        let answer = gate.send(&format!(r#"{{"event":"{event}"}}"#)).await;
        assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    }
    let stored = gate.stored().await;
    let states: Vec<_> = stored.iter().map(|one| one.state).collect();
    assert_eq!(
        states,
        [
            DeliveryState::Dead,
            DeliveryState::Dead,
            DeliveryState::Pending
        ]
    );
    // The pending one may already have been tried.
    let reasons: Vec<_> = stored.iter().map(|one| one.reason.as_deref()).collect();
    assert_eq!(
        reasons[..2],
        [
            Some(Subscribers::KIND_NOT_PERMITTED),
            Some(Subscribers::NO_SUBSCRIBER)
        ]
    );
}

#[tokio::test]
async fn copies_are_kept_up_to_their_limit_and_then_told_when_to_come_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = TestGate::start(real(dir.path()), |_| ());
    let body = BODY;
    for _ in 0..3 {
        assert!(gate.send(body).await.starts_with("http/1.1 200 "));
    }
    let refused = gate.send(body).await;
    assert!(refused.starts_with("http/1.1 429 "), "{refused}");
    assert!(refused.contains("retry-after: 60\r\n"), "{refused}");
    assert!(
        refused.contains("proxy-status: cartgate; error=http_request_denied"),
        "{refused}"
    );
    let other = gate.send(r#"{"event":"paid","n":2}"#).await;
    assert!(
        other.starts_with("http/1.1 200 "),
        "others are not concerned"
    );
    let copies: Vec<_> = gate.stored().await.iter().map(|one| one.copy).collect();
    assert_eq!(copies, [0, 1, 2, 0]);
}

#[tokio::test]
async fn a_unique_value_is_kept_once_and_one_that_is_none_every_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = TestGate::start(real(dir.path()), |endpoint| {
        durable(endpoint).unique = Some("/id".parse().expect("a pointer"));
    });
    let sent = [
        r#"{"event":"paid","id":7,"n":1}"#,
        r#"{"event":"paid","id":7,"n":2}"#,
        r#"{"event":"paid","id":"7"}"#,
        r#"{"event":"paid","id":"7","n":2}"#,
        r#"{"event":"paid","id":""}"#,
        r#"{"event":"paid","id":"","n":2}"#,
        r#"{"event":"paid","id":7.0}"#,
        r#"{"event":"paid","id":7,"id":7}"#,
    ];
    for body in sent {
        assert!(gate.send(body).await.starts_with("http/1.1 200 "), "{body}");
    }
    let mut kept = Vec::new();
    for listed in gate.stored().await {
        kept.push(gate.opened(listed.event).await.body().clone());
    }
    assert_eq!(kept, [0, 2, 4, 5, 6, 7].map(|place| sent[place]));
}

#[tokio::test]
async fn what_is_of_a_kind_that_is_not_permitted_takes_no_unique_value() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = TestGate::start(real(dir.path()), |endpoint| {
        durable(endpoint).unique = Some("/id".parse().expect("a pointer"));
        durable(endpoint).permitted = vec![EventKind::Order];
    });
    let captured = r#"{"event":"left","id":7}"#;
    let order = r#"{"event":"paid","id":7}"#;
    for body in [captured, order, order] {
        assert!(gate.send(body).await.starts_with("http/1.1 200 "), "{body}");
    }
    let stored = gate.stored().await;
    let states: Vec<_> = stored.iter().map(|one| one.state).collect();
    assert_eq!(states, [DeliveryState::Dead, DeliveryState::Pending]);
}

#[tokio::test]
async fn a_large_body_is_kept_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let gate = TestGate::start(real(dir.path()), |_| ());
    let body = format!(r#"{{"event":"paid","text":"{}"}}"#, "x".repeat(2 * LARGE));
    assert!(gate.send(&body).await.starts_with("http/1.1 200 "));
    let stored = gate.stored().await;
    assert_eq!(gate.opened(stored[0].event).await.body(), &body);
}

#[tokio::test]
async fn the_answer_waits_for_the_commit() {
    let store = Arc::new(HeldStore::default());
    let gate = TestGate::start(store.clone(), |_| ());
    let mut stream = gate.connect(&genuine(BODY)).await;
    store.begun.acquire().await.expect("open").forget();
    let mut byte = [0];
    let early = timeout(Duration::from_millis(50), stream.read(&mut byte)).await;
    assert!(early.is_err(), "answered before the commit");
    store.commit.add_permits(1);
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read)
        .await
        .expect("in time")
        .expect("read");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_is_gone_leaves_a_whole_event() {
    let store = Arc::new(HeldStore::default());
    let gate = TestGate::start(store.clone(), |_| ());
    let stream = gate.connect(&genuine(BODY)).await;
    store.begun.acquire().await.expect("open").forget();
    stream.set_zero_linger().expect("set");
    drop(stream);
    store.commit.add_permits(1);
    let woken = timeout(PATIENCE, gate.queue.work.notified());
    woken.await.expect("the queue was woken");
    let committed = std::mem::take(&mut *store.committed.lock().expect("whole"));
    let intact = gate.inbox.sealer.open(&committed[0]).expect("intact");
    assert_eq!(intact.body(), BODY);
}

/// hyper drops the future when it notices that the connection has broken.
#[tokio::test]
async fn a_request_whose_future_is_dropped_is_committed_and_only_then_gives_its_memory_back() {
    let store = Arc::new(HeldStore::default());
    let gate = TestGate::start(store.clone(), |_| ());
    let config = Arc::new(Config::new(Endpoints::new(vec![gate.endpoint()])));
    let shared = Shared::new(config, Arc::default(), Some(Arc::clone(&gate.inbox)));
    let shared = Arc::new(shared.expect("no directory is needed"));
    let state = Arc::new(ConnectionState::new());
    let origin = RequestContext::new(&shared, Peer::Unix, &state, Instant::now());
    let index = origin.snapshot.endpoints.index("localhost", "/hooks");
    let index = index.expect("found");
    let context = EndpointContext::new(&origin, index);
    let secret = Secret::new(SECRET).expect("a secret");
    let signature = Signer::new(&secret).sign(BODY.as_bytes()).to_string();
    let request = http::Request::post("/hooks")
        .header("X-Cartfunnel-Hmac-SHA256", signature)
        .body(Full::<Bytes>::from(BODY))
        .expect("a request");
    let (mut head, _) = request.into_parts();
    let mut entry = Entry::open(&origin, &head, Some(BODY.len() as u64));
    let endpoint = context.endpoint();
    let verified = tower_cartgate::verify(&endpoint.policy, &head.headers, BODY);
    let verified = verified.expect("genuine");
    entry.found(index);
    entry.verified(&verified);
    assert!(shared.memory.take(1000));
    state.hold(1000);
    state.complete_body();

    let headers = endpoint.delivery_headers();
    let storing = super::store(Intake {
        head: Head::new(&verified, &mut head, &origin.origin(), headers),
        verified,
        memory: origin.take_memory(),
        context: context.clone(),
    });
    tokio::select! {
        _ = storing => panic!("answered before the commit"),
        begun = store.begun.acquire() => begun.expect("open").forget(),
    }
    drop(entry);
    drop(context);
    assert_eq!(shared.memory.held(), 1000, "the store holds it");
    store.commit.add_permits(1);
    let woken = timeout(PATIENCE, gate.queue.work.notified());
    woken.await.expect("the queue was woken");
    assert_eq!(store.committed.lock().expect("whole").len(), 1);
    let freed = async {
        while shared.memory.held() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed).await.expect("given back");
    let meter = shared.config();
    let meter = meter.meter(0);
    assert_eq!(
        (
            meter.requests.verified.number(),
            meter.inbox.stored.number()
        ),
        (1, 1)
    );
    assert_eq!(meter.not_taken.sum(), 0);
}

#[tokio::test]
async fn what_cannot_be_kept_is_told_to_come_again() {
    let cases = [
        (StoreError::Full(Limit::Disk), "503", "30"),
        (StoreError::Copies, "429", "60"),
        (StoreError::Unavailable("planted".into()), "503", "5"),
        (StoreError::Failed("planted".into()), "503", "60"),
    ];
    let store = Arc::new(HeldStore::default());
    let gate = TestGate::start(store.clone(), |_| ());
    for (error, status, after) in cases {
        *store.refusal.lock().expect("whole") = Some(error);
        store.commit.add_permits(1);
        let answer = gate.send(BODY).await;
        assert!(
            answer.starts_with(&format!("http/1.1 {status} ")),
            "{answer}"
        );
        assert!(
            answer.contains(&format!("retry-after: {after}\r\n")),
            "{answer}"
        );
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(
            !answer.contains("planted") && !answer.contains("inbox"),
            "{answer}"
        );
    }
    assert!(store.committed.lock().expect("whole").is_empty());
}

#[tokio::test]
async fn a_gate_whose_inbox_has_failed_is_not_ready_and_one_that_is_full_is() {
    let store = Arc::new(HeldStore::default());
    let gate = TestGate::start(store.clone(), |_| ());
    let probe = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let cases = [
        (None, "200"),
        (Some(StoreError::Full(Limit::Bytes)), "200"),
        (Some(StoreError::Failed("planted".into())), "503"),
    ];
    for (trouble, status) in cases {
        *store.refusal.lock().expect("whole") = trouble;
        let answer = gate.ask(probe).await;
        assert!(
            answer.starts_with(&format!("http/1.1 {status} ")),
            "{answer}"
        );
    }
}
