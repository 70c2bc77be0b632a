//! Evictions, in paused time.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use super::{super::standing::BENEFIT_OF_DOUBT, *};
use crate::proxy::state::Phase;

const RATE: u64 = 1024;

/// Returns the holder for an IPv6 address of a /64.
fn source(network: u16, host: u16) -> Holder {
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0, network, 0, 0, 0, host);
    Holder::Source(IpAddr::from(address).into())
}

fn admit(connections: &Arc<Connections>) -> Option<ConnectionPermit> {
    connections.admit(source(1, 1), RATE)
}

fn full(phases: &[Phase]) -> (Arc<Connections>, Vec<ConnectionPermit>) {
    let connections = Arc::new(Connections::new(phases.len()));
    let permits: Vec<_> = phases
        .iter()
        .map(|phase| {
            let permit = admit(&connections).expect("room");
            permit.state().enter(*phase);
            permit
        })
        .collect();
    (connections, permits)
}

fn evicted(permits: &[ConnectionPermit]) -> Vec<bool> {
    permits
        .iter()
        .map(|permit| permit.state().is_evicted())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_idle_go_before_heads_and_heads_before_bodies() {
    let (connections, permits) = full(&[Phase::Response, Phase::Body, Phase::Head, Phase::Idle]);
    tokio::time::advance(BENEFIT_OF_DOUBT * 2).await;
    let _first = admit(&connections).expect("the idle one went");
    assert_eq!(evicted(&permits), [false, false, false, true]);
    _first.state().enter(Phase::Response);
    let _second = admit(&connections).expect("the head went");
    assert_eq!(evicted(&permits), [false, false, true, true]);
    _second.state().enter(Phase::Response);
    let _third = admit(&connections).expect("the body went");
    assert_eq!(evicted(&permits), [false, true, true, true]);
}

#[tokio::test(start_paused = true)]
async fn who_has_just_connected_does_not_go_before_an_old_dawdler() {
    let (connections, permits) = full(&[Phase::Head, Phase::Idle]);
    permits[1]
        .state()
        .set_since(Instant::now() + BENEFIT_OF_DOUBT * 5);
    tokio::time::advance(BENEFIT_OF_DOUBT * 5).await;
    let _third = admit(&connections).expect("the dawdler went");
    assert_eq!(evicted(&permits), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn who_has_just_connected_does_not_go_before_a_body_that_began_earlier() {
    let (connections, permits) = full(&[Phase::Body, Phase::Idle]);
    permits[1]
        .state()
        .set_since(Instant::now() + Duration::from_millis(5));
    tokio::time::advance(Duration::from_millis(10)).await;
    let _third = admit(&connections).expect("the body went");
    assert_eq!(evicted(&permits), [true, false]);
}

#[test]
fn work_on_verified_deliveries_is_never_sent_away() {
    let (connections, permits) = full(&[Phase::Response, Phase::Response]);
    assert!(admit(&connections).is_none());
    assert_eq!(evicted(&permits), [false, false]);
    drop(permits);
    assert!(admit(&connections).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_body_that_makes_least_progress_gives_up_its_memory() {
    let (connections, permits) = full(&[Phase::Body, Phase::Body, Phase::Body]);
    let memory = Memory::new(300);
    for (permit, bytes) in permits.iter().zip([9_000, 10, 5_000]) {
        assert!(memory.take(100));
        permit.state().hold(100);
        permit.state().set_since(Instant::now());
        tokio::time::advance(Duration::from_millis(1)).await;
        permit.state().count_progress(bytes);
    }
    tokio::time::advance(BENEFIT_OF_DOUBT + Duration::from_millis(10)).await;
    assert!(connections.take_over(&memory, 100, permits[0].state(), RATE));
    assert_eq!(evicted(&permits), [false, true, false]);
    assert_eq!(memory.held(), 300, "it passed over");
}

#[tokio::test(start_paused = true)]
async fn a_body_slower_than_the_others_goes_itself() {
    let (connections, permits) = full(&[Phase::Body, Phase::Body]);
    let memory = Memory::new(100);
    assert!(memory.take(100));
    permits[0].state().hold(100);
    for permit in &permits {
        permit.state().set_since(Instant::now());
    }
    tokio::time::advance(BENEFIT_OF_DOUBT * 2).await;
    permits[0].state().count_progress(500);
    permits[1].state().count_progress(1);
    assert!(!connections.take_over(&memory, 50, permits[1].state(), RATE));
    assert_eq!(evicted(&permits), [false, false]);
    assert_eq!(memory.held(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_source_that_holds_most_loses_first_and_a_network_is_one_source() {
    let connections = Arc::new(Connections::new(6));
    let genuine = connections.admit(source(7, 1), RATE).expect("room");
    let attackers: Vec<_> = (0..5)
        .map(|host| connections.admit(source(8, host), RATE).expect("room"))
        .collect();
    for attacker in &attackers {
        attacker.state().enter(Phase::Body);
        attacker.state().count_progress(1_000_000);
    }
    // It has been idle for long, but the other source holds five places.
    tokio::time::advance(BENEFIT_OF_DOUBT).await;
    for host in 5..9 {
        let _another = connections
            .admit(source(8, host), RATE)
            .expect("one of them went");
    }
    assert!(!genuine.state().is_evicted());
    assert!(evicted(&attackers).contains(&true));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_whose_source_holds_most_is_turned_away_where_its_own_cannot_go() {
    let connections = Arc::new(Connections::new(6));
    let idle = connections.admit(source(7, 1), RATE).expect("room");
    let busy: Vec<_> = (0..5)
        .map(|host| connections.admit(source(8, host), RATE).expect("room"))
        .collect();
    busy.iter()
        .for_each(|one| one.state().enter(Phase::Response));
    tokio::time::advance(BENEFIT_OF_DOUBT).await;
    assert!(connections.admit(source(8, 9), RATE).is_none());
    assert!(!idle.state().is_evicted());
    assert!(connections.admit(source(9, 1), RATE).is_some());
    assert!(idle.state().is_evicted());
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_trusted_proxy_count_each_for_itself() {
    let connections = Arc::new(Connections::new(6));
    let proxied: Vec<_> = (0..4)
        .map(|_| connections.admit(Holder::Connection, RATE).expect("room"))
        .collect();
    let direct = [1, 2].map(|host| connections.admit(source(8, host), RATE).expect("room"));
    let _newcomer = connections
        .admit(Holder::Connection, RATE)
        .expect("a direct one went");
    assert_eq!(evicted(&proxied), [false; 4]);
    assert!(evicted(&direct).contains(&true));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_its_rate_stands_above_silent_newcomers() {
    let (connections, permits) = full(&[Phase::Body, Phase::Idle, Phase::Idle]);
    permits[0].state().set_since(Instant::now());
    tokio::time::advance(Duration::from_millis(1)).await;
    permits[1].state().set_since(Instant::now());
    permits[2].state().set_since(Instant::now());
    tokio::time::advance(Duration::from_millis(300)).await;
    permits[0].state().count_progress(400);
    let _newcomer = admit(&connections).expect("a silent one went");
    assert!(!permits[0].state().is_evicted());
}

#[tokio::test(start_paused = true)]
async fn fresh_bodies_do_not_take_the_half_of_the_memory_that_steady_ones_may_hold() {
    let (connections, permits) = full(&[Phase::Body, Phase::Body]);
    let memory = Memory::new(100);
    hold_steadily(&memory, &permits[..1], 50).await;
    assert!(memory.take(50));
    begin(&permits[1]);
    assert!(!connections.take_over(&memory, 60, permits[1].state(), RATE));
    assert_eq!(evicted(&permits), [false, false]);
}

#[tokio::test(start_paused = true)]
async fn fresh_bodies_take_the_memory_that_steady_ones_hold_beyond_half() {
    let (connections, permits) = full(&[Phase::Body; 5]);
    let memory = Memory::new(100);
    hold_steadily(&memory, &permits[..4], 25).await;
    begin(&permits[4]);
    assert!(connections.take_over(&memory, 50, permits[4].state(), RATE));
    assert_eq!(evicted(&permits), [true, true, false, false, false]);
    permits[4].state().hold(50);
    assert!(!connections.take_over(&memory, 1, permits[4].state(), RATE));
    assert_eq!(evicted(&permits), [true, true, false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn the_steady_body_that_has_run_longest_gets_no_memory_beyond_half() {
    let (connections, permits) = full(&[Phase::Body; 3]);
    let memory = Memory::new(100);
    hold_steadily(&memory, &permits[..2], 25).await;
    assert!(memory.take(50));
    begin(&permits[2]);
    permits[2].state().hold(50);
    assert!(!connections.take_over(&memory, 10, permits[0].state(), RATE));
    assert_eq!(evicted(&permits), [false; 3]);
}

#[tokio::test(start_paused = true)]
async fn steady_bodies_keep_half_of_the_places_and_the_rest_is_for_newcomers() {
    let connections = Arc::new(Connections::new(4));
    let steady =
        [1, 2, 3, 4].map(|network| connections.admit(source(network, 1), RATE).expect("room"));
    hold_steadily(&Memory::new(0), &steady, 0).await;
    let mut newcomers = Vec::new();
    for (network, gone) in [(5, 1), (6, 2)] {
        newcomers.push(connections.admit(source(network, 1), RATE).expect("room"));
        begin(newcomers.last().expect("one"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(evicted(&steady), [true, gone == 2, false, false]);
    }
    assert_eq!(evicted(&newcomers), [false, false]);
    let _third = connections.admit(source(7, 1), RATE).expect("room");
    assert_eq!(evicted(&steady), [true, true, false, false]);
    assert_eq!(evicted(&newcomers), [true, false], "the first, not both");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_half_of_the_newcomers_go_at_once() {
    let connections = Arc::new(Connections::new(640));
    let steady: Vec<_> = (0..320)
        .map(|_| connections.admit(Holder::Connection, RATE).expect("room"))
        .collect();
    let at_work: Vec<_> = (0..316)
        .map(|_| connections.admit(Holder::Connection, RATE).expect("room"))
        .collect();
    at_work
        .iter()
        .for_each(|one| one.state().enter(Phase::Response));
    hold_steadily(&Memory::new(0), &steady, 0).await;
    let newcomers = [(); 4].map(|()| connections.admit(Holder::Connection, RATE).expect("room"));
    newcomers.iter().for_each(begin);
    let _another = connections.admit(Holder::Connection, RATE).expect("room");
    assert_eq!(evicted(&newcomers).iter().filter(|gone| **gone).count(), 2);
    assert_eq!(evicted(&steady), [false; 320]);
}

/// Begins a body that brings many bytes at once.
fn begin(permit: &ConnectionPermit) {
    permit.state().enter(Phase::Body);
    permit.state().set_since(Instant::now());
    permit.state().count_progress(1_000_000);
}

/// Begins bodies that keep their rate beyond the first seconds and hold `bytes` each. The first
/// runs longest.
async fn hold_steadily(memory: &Memory, permits: &[ConnectionPermit], bytes: u64) {
    for permit in permits {
        assert!(memory.take(bytes));
        permit.state().hold(bytes);
        permit.state().enter(Phase::Body);
        permit.state().set_since(Instant::now());
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    tokio::time::advance(BENEFIT_OF_DOUBT * 2).await;
    for permit in permits {
        permit.state().count_progress(RATE);
    }
}

#[tokio::test(start_paused = true)]
async fn the_source_that_holds_most_memory_gives_it_up() {
    let connections = Arc::new(Connections::new(9));
    let memory = Memory::new(400);
    let attackers = [1, 2, 3].map(|host| connections.admit(source(8, host), RATE).expect("room"));
    for attacker in &attackers {
        attacker.state().enter(Phase::Body);
        assert!(memory.take(130));
        attacker.state().hold(130);
        attacker.state().count_progress(1_000_000);
    }
    let genuine = connections.admit(source(7, 1), RATE).expect("room");
    genuine.state().enter(Phase::Body);
    assert!(connections.take_over(&memory, 100, genuine.state(), RATE));
    assert_eq!(evicted(&attackers).iter().filter(|gone| **gone).count(), 1);
}
