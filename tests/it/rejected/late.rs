//! Saved rejections that verify later: the gate delivers them by itself.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use cartgate::rejected::{LateState, SavedFile, Settings};
use tower_cartgate::{FreshRule, Keyring, Policy, Secret};

use super::{OLD_SECRET, Site, rejected};
use crate::support::{
    App, Gate, Recorded, SECRET, Setup,
    app::{Then, answer},
    forged, genuine, request, sign, wait_until,
};

/// Returns the setup of a gate that knows only the old secret.
fn with_old_secret(site: &Site, setup: Setup) -> Setup {
    let settings = site.settings.clone();
    setup.with(|setup| {
        setup.policy = Box::new(|_| {
            let old = Secret::new(OLD_SECRET).expect("a secret");
            Policy::new(Keyring::single(old))
        });
        setup.config.rejected = Some(settings);
    })
}

/// Puts the new secret in force.
fn rotate(gate: &Gate, mut setup: Setup) {
    setup.policy = Box::new(|policy| policy);
    gate.config
        .send_replace(setup.config(&[("current", SECRET)]));
}

fn direct(site: &Site) -> Setup {
    with_old_secret(site, Setup::before(&site.app))
}

fn durable(site: &Site) -> Setup {
    with_old_secret(site, Setup::durable(&site.app, site.dir.path()))
}

fn order(number: u32) -> Vec<u8> {
    format!(r#"{{"order":{number}}}"#).into_bytes()
}

fn file(site: &Site, id: &str) -> SavedFile {
    SavedFile::of(&site.settings.dir, id.parse().expect("an id"))
}

fn state(site: &Site, id: &str) -> Option<LateState> {
    file(site, id).late_state()
}

#[track_caller]
fn wait_for(site: &Site, id: &str, wanted: LateState) {
    wait_until("a late delivery is done", || {
        state(site, id) == Some(wanted)
    });
}

/// Sends these orders, which the gate rejects, and returns their ids.
fn reject(site: &Site, gate: &Gate, orders: std::ops::Range<u32>) -> Vec<String> {
    let mut client = gate.client();
    let ids = orders.map(|number| rejected(&mut client, genuine(&order(number))));
    let ids: Vec<_> = ids.collect();
    ids.iter().for_each(|id| drop(site.file(id)));
    ids
}

/// Checks that the app has received orders as they were, each with its own id and arrival time.
#[track_caller]
fn are_late(site: &Site, received: &[Recorded], ids: &[String]) {
    let got = |one: &Recorded| one.header("x-cartgate-delivery").map(str::to_owned);
    let delivered: Vec<_> = received.iter().filter_map(got).collect();
    assert_eq!(delivered, ids, "in order of arrival, each once");
    for (number, one) in (0..).zip(received) {
        assert_eq!(one.body, order(number));
        assert_eq!(one.header("x-cartgate-verdict"), Some("verified"));
        assert_eq!(one.header("x-cartgate-secret-name"), Some("current"));
        let saved = fs::read_to_string(&file(site, &ids[number as usize]).path).expect("a file");
        let line = |line: &str| Some(line.strip_prefix("x-cartgate-received: ")?.to_owned());
        let arrival = saved.lines().find_map(line).expect("its arrival");
        assert_eq!(one.header("x-cartgate-late"), Some(&*arrival));
        assert_eq!(one.header("x-forwarded-for"), Some("127.0.0.1"));
    }
}

#[test]
fn an_app_gets_what_was_rejected_once_and_in_order_of_arrival() {
    for setup in [direct, durable] {
        let site = Site::new();
        let gate = setup(&site).start();
        let forgery = rejected(&mut gate.client(), forged(b"a forgery"));
        let ids = reject(&site, &gate, 0..5);
        rotate(&gate, setup(&site));
        wait_for(&site, &ids[4], LateState::Delivered);
        site.app.wait_for(5);
        // Another reload judges nothing anew.
        rotate(&gate, setup(&site));
        assert_eq!(gate.client().ask(genuine(&order(5))).status, 200);
        site.app.wait_for(6);
        let received = site.app.requests();
        are_late(&site, &received[..5], &ids);
        assert_eq!(received[5].header("x-cartgate-late"), None);
        assert_eq!(state(&site, &forgery), None);
        assert!(file(&site, &forgery).path.exists());
    }
}

#[test]
fn no_client_can_claim_to_be_late() {
    let site = Site::new();
    let gate = site.gate();
    let body = order(1);
    let lines = format!(
        "X-Cartfunnel-Hmac-SHA256: {}\r\nX-Cartgate-Late: 2020-01-01T00:00:00Z\r\n",
        sign(&body)
    );
    let request = request("POST /hooks HTTP/1.1", &lines, &body);
    assert_eq!(gate.client().ask(request).status, 200);
    assert_eq!(site.app.only().header("x-cartgate-late"), None);
}

/// A sender repeats what was rejected, before and after the gate knows the secret.
#[test]
fn a_repeated_delivery_reaches_an_inbox_once() {
    let site = Site::new();
    let gate = durable(&site).start();
    let ids = reject(&site, &gate, 0..2);
    let repeated = reject(&site, &gate, 0..2);
    rotate(&gate, durable(&site));
    for (first, second) in ids.iter().zip(&repeated) {
        wait_for(&site, first, LateState::Delivered);
        wait_for(&site, second, LateState::Copy);
    }
    for number in 0..2 {
        assert_eq!(gate.client().ask(genuine(&order(number))).status, 200);
    }
    assert_eq!(gate.client().ask(genuine(&order(2))).status, 200);
    site.app.wait_for(3);
    let bodies: Vec<_> = site
        .app
        .requests()
        .into_iter()
        .map(|one| one.body)
        .collect();
    assert_eq!(bodies, [order(0), order(1), order(2)]);
}

/// Another gate has rejected the first attempt, and the repetition arrived meanwhile.
#[test]
fn what_came_in_by_a_repetition_meanwhile_is_a_copy() {
    let site = Site::new();
    let rejecting = direct(&site).start();
    let ids = reject(&site, &rejecting, 0..2);
    let dir = site.dir.path().join("another");
    let setup = || {
        let settings = Settings::new(&dir);
        Setup::durable(&site.app, site.dir.path())
            .with(|setup| setup.config.rejected = Some(settings))
    };
    let gate = setup().start();
    assert_eq!(gate.client().ask(genuine(&order(0))).status, 200);
    for id in &ids {
        let file = site.file(id);
        let name = file.file_name().expect("a name");
        fs::rename(&file, dir.join(name)).expect("moved");
    }
    rotate(&gate, setup());
    let state = |id: &str| SavedFile::of(&dir, id.parse().expect("an id")).late_state();
    wait_until("the other is delivered", || {
        state(&ids[1]) == Some(LateState::Delivered)
    });
    assert_eq!(state(&ids[0]), Some(LateState::Copy));
    site.app.wait_for(2);
    let received = site.app.requests();
    let bodies: Vec<_> = received.iter().map(|one| &*one.body).collect();
    assert_eq!(bodies, [order(0), order(1)]);
    let late = |one: &Recorded| one.header("x-cartgate-late").is_some();
    assert_eq!([late(&received[0]), late(&received[1])], [false, true]);
}

#[test]
fn copies_of_a_delivery_reach_a_direct_app_once() {
    let site = Site::new();
    let gate = direct(&site).start();
    let ids = reject(&site, &gate, 0..1);
    let copies = reject(&site, &gate, 0..1);
    let last = reject(&site, &gate, 1..2);
    rotate(&gate, direct(&site));
    wait_for(&site, &last[0], LateState::Delivered);
    assert_eq!(state(&site, &copies[0]), Some(LateState::Copy));
    are_late(&site, &site.app.requests(), &[ids, last].concat());
}

#[test]
fn an_app_that_is_down_gets_everything_later_and_in_order() {
    let mut site = Site::new();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    site.app = App::tcp(move |_, wire| {
        let status = match counted.fetch_add(1, SeqCst) {
            0 => "503 Service Unavailable",
            1 => "500 Internal Server Error",
            _ => "200 OK",
        };
        wire.write_all(&answer(status, "", b"so"))?;
        Ok(Then::Keep)
    });
    let setup = |site: &Site| {
        direct(site).with(|setup| setup.admin = Some("127.0.0.1:0".parse().expect("an address")))
    };
    let gate = setup(&site).start();
    let ids = reject(&site, &gate, 0..3);
    rotate(&gate, setup(&site));
    wait_until("the first has failed", || attempts.load(SeqCst) >= 1);
    assert_eq!(state(&site, &ids[0]), Some(LateState::Waiting));
    assert_eq!(state(&site, &ids[2]), Some(LateState::Waiting));
    wait_until("it is reported", || {
        let late = &super::api::json(&gate, "GET /api/v1/status")["endpoints"][0]["late"];
        late["waiting"] == 3 && late["trouble"].is_string()
    });
    let line = format!("POST /api/v1/rejected/{}/forward", ids[1]);
    super::api::is(&gate, &line, 409, "waiting");
    wait_for(&site, &ids[2], LateState::Delivered);
    let received = site.app.requests();
    are_late(&site, &received[2..], &ids);
    assert!(received[..2].iter().all(|one| one.body == order(0)));
    wait_until("it is reported", || {
        let late = &super::api::json(&gate, "GET /api/v1/status")["endpoints"][0]["late"];
        (&late["delivered"], &late["rejected"]) == (&3.into(), &3.into())
    });
}

#[test]
fn a_delivery_that_its_app_rejects_holds_back_the_later_ones() {
    let mut site = Site::new();
    site.app = App::tcp(|received, wire| {
        let is_poison = received.body == order(0);
        let status = if is_poison { "422 No" } else { "200 OK" };
        wire.write_all(&answer(status, "", b"so"))?;
        Ok(Then::Keep)
    });
    let gate = direct(&site).start();
    let ids = reject(&site, &gate, 0..2);
    rotate(&gate, direct(&site));
    wait_until("it has failed twice", || site.app.count() >= 2);
    assert!(site.app.requests().iter().all(|one| one.body == order(0)));
    assert_eq!(state(&site, &ids[1]), Some(LateState::Waiting));
}

#[test]
fn the_age_counts_at_the_arrival() {
    let site = Site::new();
    let fresh = |policy: Policy| {
        let rule = FreshRule::new("/sent_at", Duration::from_secs(2)).expect("a pointer");
        policy.with_fresh_rule(rule)
    };
    let gate = direct(&site).start();
    let sent_at = |ago: u64| {
        let now = std::time::SystemTime::now();
        let now = now
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970");
        format!(r#"{{"sent_at":{}}}"#, now.as_secs() - ago).into_bytes()
    };
    let mut client = gate.client();
    let stale = rejected(&mut client, genuine(&sent_at(60)));
    let arrived = Instant::now();
    let timely = rejected(&mut client, genuine(&sent_at(0)));
    site.file(&timely);
    wait_until("it is too old for now", || {
        arrived.elapsed() > Duration::from_millis(3100)
    });
    let mut setup = direct(&site);
    setup.policy = Box::new(fresh);
    gate.config
        .send_replace(setup.config(&[("current", SECRET)]));
    wait_for(&site, &timely, LateState::Delivered);
    assert_eq!(state(&site, &stale), None);
    assert_eq!(site.app.count(), 1);
}

#[test]
fn what_an_operator_has_forwarded_is_not_delivered_again() {
    let site = Site::new();
    let gate = direct(&site).start();
    let ids = reject(&site, &gate, 0..2);
    file(&site, &ids[0]).mark_forwarded().expect("marked");
    rotate(&gate, direct(&site));
    wait_for(&site, &ids[1], LateState::Delivered);
    assert_eq!(site.app.only().body, order(1));
}

#[test]
fn two_gates_that_share_a_directory_deliver_each_once() {
    let site = Site::new();
    let gates = [direct(&site).start(), direct(&site).start()];
    let ids = reject(&site, &gates[0], 0..8);
    gates.iter().for_each(|gate| rotate(gate, direct(&site)));
    wait_for(&site, &ids[7], LateState::Delivered);
    are_late(&site, &site.app.requests(), &ids);
}

#[test]
fn a_gate_that_restarts_delivers_what_it_finds() {
    let site = Site::new();
    let ids = {
        let gate = direct(&site).start();
        reject(&site, &gate, 0..3)
    };
    let settings = site.settings.clone();
    let _gate = Setup::before(&site.app)
        .with(|setup| setup.config.rejected = Some(settings))
        .start();
    wait_for(&site, &ids[2], LateState::Delivered);
    are_late(&site, &site.app.requests(), &ids);
}
