//! Evictions, on a clock that the tests hold.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use super::{super::standing::BENEFIT_OF_DOUBT, *};
use crate::connection::Phase;

const RATE: u64 = 1024;

/// The last words of an IPv6 address that has this one for its network.
fn source(network: u16, host: u16) -> Holder {
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0, network, 0, 0, 0, host);
    Holder::Source(IpAddr::from(address).into())
}

fn admit(roster: &Arc<Roster>) -> Option<Member> {
    roster.admit(source(1, 1), RATE)
}

fn full(phases: &[Phase]) -> (Arc<Roster>, Vec<Member>) {
    let roster = Arc::new(Roster::new(phases.len()));
    let members: Vec<_> = phases
        .iter()
        .map(|phase| {
            let member = admit(&roster).expect("room");
            member.activity().enter(*phase);
            member
        })
        .collect();
    (roster, members)
}

fn evicted(members: &[Member]) -> Vec<bool> {
    members
        .iter()
        .map(|member| member.activity().is_evicted())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_idle_go_before_heads_and_heads_before_bodies() {
    let (roster, members) = full(&[Phase::Answer, Phase::Body, Phase::Head, Phase::Idle]);
    tokio::time::advance(BENEFIT_OF_DOUBT * 2).await;
    let _first = admit(&roster).expect("the idle one went");
    assert_eq!(evicted(&members), [false, false, false, true]);
    _first.activity().enter(Phase::Answer);
    let _second = admit(&roster).expect("the head went");
    assert_eq!(evicted(&members), [false, false, true, true]);
    _second.activity().enter(Phase::Answer);
    let _third = admit(&roster).expect("the body went");
    assert_eq!(evicted(&members), [false, true, true, true]);
}

#[tokio::test(start_paused = true)]
async fn who_has_just_connected_does_not_go_before_an_old_dawdler() {
    let (roster, members) = full(&[Phase::Head, Phase::Idle]);
    members[1]
        .activity()
        .entered(Instant::now() + BENEFIT_OF_DOUBT * 5);
    tokio::time::advance(BENEFIT_OF_DOUBT * 5).await;
    let _third = admit(&roster).expect("the dawdler went");
    assert_eq!(evicted(&members), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn who_has_just_connected_does_not_go_before_a_body_that_began_earlier() {
    let (roster, members) = full(&[Phase::Body, Phase::Idle]);
    members[1]
        .activity()
        .entered(Instant::now() + Duration::from_millis(5));
    tokio::time::advance(Duration::from_millis(10)).await;
    let _third = admit(&roster).expect("the body went");
    assert_eq!(evicted(&members), [true, false]);
}

#[test]
fn work_on_verified_deliveries_is_never_sent_away() {
    let (roster, members) = full(&[Phase::Answer, Phase::Answer]);
    assert!(admit(&roster).is_none());
    assert_eq!(evicted(&members), [false, false]);
    drop(members);
    assert!(admit(&roster).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_body_that_makes_least_progress_gives_up_its_memory() {
    let (roster, members) = full(&[Phase::Body, Phase::Body, Phase::Body]);
    let memory = Memory::new(300);
    for (member, bytes) in members.iter().zip([9_000, 10, 5_000]) {
        assert!(memory.take(100));
        member.activity().hold(100);
        member.activity().entered(Instant::now());
        tokio::time::advance(Duration::from_millis(1)).await;
        member.activity().received(bytes);
    }
    tokio::time::advance(BENEFIT_OF_DOUBT + Duration::from_millis(10)).await;
    assert!(roster.take_over(&memory, 100, members[0].activity(), RATE));
    assert_eq!(evicted(&members), [false, true, false]);
    assert_eq!(memory.held(), 300, "it passed over");
}

#[tokio::test(start_paused = true)]
async fn a_body_slower_than_the_others_goes_itself() {
    let (roster, members) = full(&[Phase::Body, Phase::Body]);
    let memory = Memory::new(100);
    assert!(memory.take(100));
    members[0].activity().hold(100);
    members
        .iter()
        .for_each(|member| member.activity().entered(Instant::now()));
    tokio::time::advance(BENEFIT_OF_DOUBT * 2).await;
    members[0].activity().received(500);
    members[1].activity().received(1);
    assert!(!roster.take_over(&memory, 50, members[1].activity(), RATE));
    assert_eq!(evicted(&members), [false, false]);
    assert_eq!(memory.held(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_source_that_holds_most_loses_first_and_a_network_is_one_source() {
    let roster = Arc::new(Roster::new(6));
    let genuine = roster.admit(source(7, 1), RATE).expect("room");
    let attackers: Vec<_> = (0..5)
        .map(|host| roster.admit(source(8, host), RATE).expect("room"))
        .collect();
    for attacker in &attackers {
        attacker.activity().enter(Phase::Body);
        attacker.activity().received(1_000_000);
    }
    // Idle for long, and yet it stays: the others are five.
    tokio::time::advance(BENEFIT_OF_DOUBT).await;
    for host in 5..9 {
        let _another = roster
            .admit(source(8, host), RATE)
            .expect("one of them went");
    }
    assert!(!genuine.activity().is_evicted());
    assert!(evicted(&attackers).contains(&true));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_whose_source_holds_most_is_turned_away_where_its_own_cannot_go() {
    let roster = Arc::new(Roster::new(6));
    let idle = roster.admit(source(7, 1), RATE).expect("room");
    let busy: Vec<_> = (0..5)
        .map(|host| roster.admit(source(8, host), RATE).expect("room"))
        .collect();
    busy.iter()
        .for_each(|one| one.activity().enter(Phase::Answer));
    tokio::time::advance(BENEFIT_OF_DOUBT).await;
    assert!(roster.admit(source(8, 9), RATE).is_none());
    assert!(!idle.activity().is_evicted());
    assert!(roster.admit(source(9, 1), RATE).is_some());
    assert!(idle.activity().is_evicted());
}

#[tokio::test(start_paused = true)]
async fn connections_of_a_trusted_proxy_count_each_for_itself() {
    let roster = Arc::new(Roster::new(6));
    let proxied: Vec<_> = (0..4)
        .map(|_| roster.admit(Holder::Itself, RATE).expect("room"))
        .collect();
    let direct = [1, 2].map(|host| roster.admit(source(8, host), RATE).expect("room"));
    let _newcomer = roster
        .admit(Holder::Itself, RATE)
        .expect("a direct one went");
    assert_eq!(evicted(&proxied), [false; 4]);
    assert!(evicted(&direct).contains(&true));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_keeps_its_rate_stands_above_silent_newcomers() {
    let (roster, members) = full(&[Phase::Body, Phase::Idle, Phase::Idle]);
    members[0].activity().entered(Instant::now());
    tokio::time::advance(Duration::from_millis(1)).await;
    members[1].activity().entered(Instant::now());
    members[2].activity().entered(Instant::now());
    tokio::time::advance(Duration::from_millis(300)).await;
    members[0].activity().received(400);
    let _newcomer = admit(&roster).expect("a silent one went");
    assert!(!members[0].activity().is_evicted());
}

#[tokio::test(start_paused = true)]
async fn fresh_bodies_do_not_take_the_memory_of_one_that_keeps_its_rate() {
    let (roster, members) = full(&[Phase::Body, Phase::Body]);
    let memory = Memory::new(100);
    assert!(memory.take(100));
    members[0].activity().hold(100);
    members[0].activity().entered(Instant::now());
    tokio::time::advance(BENEFIT_OF_DOUBT * 2).await;
    members[0].activity().received(RATE);
    members[1].activity().entered(Instant::now());
    members[1].activity().received(1_000_000);
    assert!(!roster.take_over(&memory, 50, members[1].activity(), RATE));
    assert_eq!(evicted(&members), [false, false]);
}

#[tokio::test(start_paused = true)]
async fn the_source_that_holds_most_memory_gives_it_up() {
    let roster = Arc::new(Roster::new(9));
    let memory = Memory::new(400);
    let attackers = [1, 2, 3].map(|host| roster.admit(source(8, host), RATE).expect("room"));
    for attacker in &attackers {
        attacker.activity().enter(Phase::Body);
        assert!(memory.take(130));
        attacker.activity().hold(130);
        attacker.activity().received(1_000_000);
    }
    let genuine = roster.admit(source(7, 1), RATE).expect("room");
    genuine.activity().enter(Phase::Body);
    assert!(roster.take_over(&memory, 100, genuine.activity(), RATE));
    assert_eq!(evicted(&attackers).iter().filter(|gone| **gone).count(), 1);
}
