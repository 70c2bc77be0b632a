//! Every open connection, and the eviction of some when there is no room: those of the source that holds the
//! most, and within it those with the least standing. A verified delivery whose destination has yet to respond is
//! never evicted. Locked when a connection opens or closes, and when something is full; never for a request.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::time::Instant;

use super::{
    memory::Memory,
    share::{Candidate, Holder, Ranked, Shares},
    standing::Standing,
};
use crate::connection::Activity;

/// A full roster frees this part of itself at once, so that an attacker who opens connections in a
/// loop does not cost a walk over all of them for each.
const PART_FREED: usize = 64;

/// The open connections.
#[derive(Debug)]
pub(crate) struct Roster {
    limit: usize,
    next: AtomicU64,
    turned_away: AtomicU64,
    evicted: AtomicU64,
    members: Mutex<Members>,
}

type Members = HashMap<u64, Entry>;

#[derive(Debug)]
struct Entry {
    activity: Arc<Activity>,
    holder: Holder,
}

/// A connection's place in the roster; given up when dropped.
#[derive(Debug)]
pub(crate) struct Member {
    roster: Arc<Roster>,
    key: u64,
    activity: Arc<Activity>,
}

impl Roster {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            next: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            members: Mutex::default(),
        }
    }

    /// A place for a new connection, if need be by evicting others. None if all of these are at work on
    /// verified deliveries, or hold less than the newcomer's source. Bodies are to bring `rate` bytes a
    /// second.
    pub(crate) fn admit(self: &Arc<Self>, holder: Holder, rate: u64) -> Option<Member> {
        let mut members = self.lock();
        if members.len() >= self.limit {
            let evicted = make_room(&mut members, self.limit, holder, rate);
            self.evicted.fetch_add(evicted, Relaxed);
            if evicted == 0 {
                self.turned_away.fetch_add(1, Relaxed);
                return None;
            }
        }
        let key = self.next.fetch_add(1, Relaxed);
        let activity = Arc::new(Activity::new());
        let entry = Entry {
            activity: Arc::clone(&activity),
            holder,
        };
        members.insert(key, entry);
        drop(members);
        Some(Member {
            roster: Arc::clone(self),
            key,
            activity,
        })
    }

    /// Takes `bytes` of memory for the body of `own` by evicting bodies whose sources hold more
    /// or whose standing is less; none if that does not free enough. What they hold passes over at
    /// once, so that no other body takes it in between.
    pub(crate) fn take_over(&self, memory: &Memory, bytes: u64, own: &Activity, rate: u64) -> bool {
        let now = Instant::now();
        let members = self.lock();
        let mut shares = Shares::new(memory.limit());
        let mut candidates = Vec::new();
        let mut own_holder = Holder::Itself;
        for Entry { activity, holder } in members.values() {
            let held = activity.held();
            if std::ptr::eq(activity.as_ref(), own) {
                own_holder = *holder;
                shares.add(*holder, held + bytes);
            } else if held > 0 {
                shares.add(*holder, held);
                candidates.extend(candidate(activity, activity, *holder, held, now, rate));
            }
        }
        let excess = shares.excess(own_holder);
        let own = Standing::of(own, now, rate);
        let mut freed = 0;
        let mut victims = Vec::new();
        for Ranked {
            candidate: other,
            excess: others,
        } in shares.rank(candidates)
        {
            let excess = if other.holder == own_holder {
                others
            } else {
                excess
            };
            // The newcomer's body goes itself if no other deserves it more.
            let is_worse =
                others > excess || others == excess && own.is_some_and(|own| other.standing < own);
            if freed >= bytes || !is_worse {
                break;
            }
            freed += other.weight;
            victims.push(other.one);
        }
        if freed < bytes {
            return false;
        }
        self.evicted.fetch_add(victims.len() as u64, Relaxed);
        let mut freed = 0;
        for activity in victims {
            freed += activity.take_held();
            activity.evict();
        }
        // A body that is verified meanwhile keeps what it holds.
        let taken = freed >= bytes || memory.take(bytes - freed);
        memory.give_back(if taken {
            freed.saturating_sub(bytes)
        } else {
            freed
        });
        taken
    }

    /// Has every connection look around: something that concerns all of them has changed.
    pub(crate) fn wake_all(&self) {
        self.lock().values().for_each(|one| one.activity.wake());
    }

    /// Connections that are open.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Connections that may be open.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Connections that got a place, since the start.
    pub(crate) fn admitted(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// Connections that got none, since the start.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Relaxed)
    }

    /// Connections that lost theirs to others, since the start.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn candidate<T>(
    one: T,
    activity: &Activity,
    holder: Holder,
    weight: u64,
    now: Instant,
    rate: u64,
) -> Option<Candidate<T>> {
    let standing = Standing::of(activity, now, rate)?;
    Some(Candidate {
        one,
        holder,
        standing,
        weight,
    })
}

/// Evicts some for a newcomer, and returns how many.
fn make_room(members: &mut Members, limit: usize, newcomer: Holder, rate: u64) -> u64 {
    let now = Instant::now();
    let mut shares = Shares::new(limit as u64);
    shares.add(newcomer, 1);
    let mut candidates = Vec::with_capacity(members.len());
    for (key, Entry { activity, holder }) in members.iter() {
        shares.add(*holder, 1);
        candidates.extend(candidate(*key, activity, *holder, 1, now, rate));
    }
    let newcomers = shares.excess(newcomer);
    let ranked = shares.rank(candidates);
    let Some(first) = ranked.first().filter(|first| first.excess >= newcomers) else {
        return 0;
    };
    // More than one, but no better ones than needed.
    let (is_large, is_steady) = (first.excess > 0, first.candidate.standing.is_steady());
    let places = if is_steady { 1 } else { limit / PART_FREED + 1 };
    let victims = ranked.iter().take(places).take_while(|one| {
        (one.excess > 0) == is_large && one.candidate.standing.is_steady() == is_steady
    });
    let evicted = victims.filter_map(|one| members.remove(&one.candidate.one));
    evicted.inspect(|one| one.activity.evict()).count() as u64
}

impl Member {
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.roster.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
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
}
