//! Tests of the age limit, and that only a valid signature reveals it. `fresh.rs` tests the formats
//! of times.

use std::{
    convert::Infallible,
    error::Error,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use tower_cartgate::{
    EventKind, EventRule, FreshRule, Observe, Policy, Rejection, RejectionKind, Staleness,
    VerifiedBody, VerifyLayer, verify, verify_at,
};
use tower_layer::Layer;

use crate::support::{Steps, delivery, judge, judged, policy, run, whole};

/// Seconds.
const WITHIN: i64 = 600;

/// More seconds than a test needs between writing the time and reading the clock.
const MARGIN: i64 = 120;

fn fresh() -> Policy {
    policy().with_fresh_rule(rule())
}

fn rule() -> FreshRule {
    FreshRule::new("/sent_at", Duration::from_secs(WITHIN.unsigned_abs())).unwrap()
}

/// Returns a delivery that was sent this many seconds ago.
fn sent(ago: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_secs()).unwrap();
    format!(r#"{{"sent_at":{}}}"#, now - ago)
}

fn stale() -> String {
    sent(WITHIN + MARGIN)
}

async fn never(_: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    panic!("the inner service was called")
}

#[test]
fn the_age_of_an_earlier_delivery_counts_at_its_receipt() {
    let body = sent(2 * WITHIN);
    let (head, ()) = delivery(body.clone(), ()).into_parts();
    let judge = |received: SystemTime| {
        let verdict = verify_at(&fresh(), &head.headers, body.clone(), received);
        verdict.map(|_| ()).map_err(|rejection| rejection.kind())
    };
    let ago = |seconds: i64| SystemTime::now() - Duration::from_secs(seconds.unsigned_abs());
    assert_eq!(judge(ago(2 * WITHIN - MARGIN)), Ok(()));
    assert_eq!(judge(ago(WITHIN - MARGIN)), Err(RejectionKind::Stale));
    assert_eq!(judge(ago(3 * WITHIN)), Err(RejectionKind::Stale));
}

#[test]
fn only_fresh_deliveries_reach_the_inner_service() {
    let layer = VerifyLayer::new(fresh());
    for ago in [0, WITHIN - MARGIN] {
        let body = sent(ago);
        assert_eq!(judge(&layer, whole(body.clone())), Ok(body.into()));
    }
    let guarded = layer.layer(tower::service_fn(never));
    for body in [stale(), sent(-MARGIN), "{}".into(), String::new()] {
        let verdict = run(judged(guarded.clone(), whole(body.clone())));
        assert_eq!(verdict, Err(RejectionKind::Stale), "{body}");
    }
    let tolerant = rule().with_skew(Duration::from_secs(2 * MARGIN.unsigned_abs()));
    let ahead = sent(-MARGIN);
    let layer = VerifyLayer::new(policy().with_fresh_rule(tolerant));
    assert_eq!(judge(&layer, whole(ahead.clone())), Ok(ahead.into()));
}

/// Otherwise an attacker could derive the receiver's clock and rule from many responses.
#[test]
fn a_forgery_gets_the_same_answer_whatever_its_age() {
    let service = VerifyLayer::new(fresh()).layer(tower::service_fn(never));
    let answers = [stale(), sent(0), "no time".into()].map(|body| {
        let forged = delivery("another", Full::<Bytes>::from(body));
        let answer = run(service.clone().oneshot(forged)).unwrap();
        let rejection: &Rejection = answer.extensions().get().unwrap();
        assert_eq!(rejection.kind(), RejectionKind::Mismatch);
        let (head, body) = answer.into_parts();
        let body = run(body.collect()).unwrap().to_bytes();
        (head.status, head.headers, body)
    });
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn without_the_rule_every_age_passes() {
    let layer = VerifyLayer::new(policy());
    assert!(policy().fresh_rule().is_none());
    for body in [stale(), sent(-1_000_000), "no time".into()] {
        assert_eq!(judge(&layer, whole(body.clone())), Ok(body.into()));
    }
}

#[test]
fn a_body_in_pieces_is_read_as_one() {
    let layer = VerifyLayer::new(fresh());
    let pieces = |body: &str| {
        let pieces: Vec<_> = body.bytes().map(|byte| vec![byte]).collect();
        delivery(body, Steps::data(pieces))
    };
    let (good, bad) = (sent(0), stale());
    assert_eq!(judge(&layer, pieces(&good)), Ok(good.clone().into()));
    assert_eq!(judge(&layer, pieces(&bad)), Err(RejectionKind::Stale));
}

/// Pieces that were joined for reading must not be held twice.
#[test]
fn pieces_that_were_put_together_are_let_go() {
    let one_piece = |request: Request<VerifiedBody>| async move {
        assert_eq!(request.body().verified().chunks().len(), 1);
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let layer = VerifyLayer::new(fresh());
    let body = sent(0) + &" ".repeat(100_000);
    let pieces = body.as_bytes().chunks(50_000).map(<[u8]>::to_vec);
    let request = delivery(&body, Steps::data(pieces));
    let verdict = run(judged(layer.layer(tower::service_fn(one_piece)), request));
    assert_eq!(verdict, Ok(Bytes::new()));
}

#[test]
fn without_tower_it_is_judged_alike_and_the_rejection_says_why() {
    for (body, why) in [
        (stale(), Staleness::TooOld),
        (sent(-1_000_000), Staleness::TooEarly),
        ("{}".into(), Staleness::NoTime),
    ] {
        let rejection = verify(&fresh(), whole(body.clone()).headers(), body).unwrap_err();
        assert_eq!(rejection.kind(), RejectionKind::Stale);
        assert_eq!(rejection.status(), 422);
        let source = rejection.source().unwrap();
        assert_eq!(source.downcast_ref(), Some(&why));
    }
    let body = sent(0);
    assert!(verify(&fresh(), whole(body.clone()).headers(), body).is_ok());
}

#[test]
fn the_kind_is_judged_before_the_age() {
    let orders = EventRule::pointer("/event").unwrap();
    let layer = VerifyLayer::new(fresh().with_event_rule(orders.only([EventKind::Order])));
    assert_eq!(judge(&layer, whole(stale())), Err(RejectionKind::WrongKind));
}

#[derive(Default)]
struct Seen(Mutex<Vec<RejectionKind>>);

impl Observe for Seen {
    fn rejected(&self, rejection: &Rejection, _: &Parts) {
        self.0.lock().unwrap().push(rejection.kind());
    }

    fn mismatched(&self, _: &Parts, _: &[Bytes]) {
        panic!("its signature is true");
    }
}

#[test]
fn the_observer_is_told() {
    let seen = Arc::new(Seen::default());
    let service = VerifyLayer::new(fresh())
        .observe(seen.clone())
        .layer(tower::service_fn(never));
    let verdict = run(judged(service, whole(stale())));
    assert_eq!(verdict, Err(RejectionKind::Stale));
    assert_eq!(*seen.0.lock().unwrap(), [RejectionKind::Stale]);
}
