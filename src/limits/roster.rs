//! Every open connection, and who must go when there is no room: first those that wait between
//! requests, then those whose head, refusal or answer dawdles, then the unverified body that makes
//! least progress. A verified delivery that its destination has yet to answer is never sent away. Locked when a connection opens or closes, and
//! when something is full; never for a request.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::memory::Memory;
use crate::connection::{Activity, Phase};

/// A connection or a body gets this long before its pace is held against it: a genuine delivery has
/// just begun.
const BENEFIT_OF_DOUBT: Duration = Duration::from_secs(1);

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
    members: Mutex<HashMap<u64, Arc<Activity>>>,
}

/// A connection's place in the roster; given up when dropped.
#[derive(Debug)]
pub(crate) struct Member {
    roster: Arc<Roster>,
    key: u64,
    activity: Arc<Activity>,
}

/// How readily a connection is sent away: the least goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Idle { since: Instant },
    Dawdling { since: Instant },
    Receiving { recent_bytes: u64, since: Instant },
    JustBegun { since: Instant },
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

    /// A place for a new connection, if need be by sending others away; none if all that are there
    /// are at work on verified deliveries.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Member> {
        let mut members = self.lock();
        if members.len() >= self.limit {
            let sent_away = make_room(&mut members, self.limit / PART_FREED + 1);
            self.evicted.fetch_add(sent_away, Relaxed);
            if sent_away == 0 {
                self.turned_away.fetch_add(1, Relaxed);
                return None;
            }
        }
        let key = self.next.fetch_add(1, Relaxed);
        let activity = Arc::new(Activity::new());
        members.insert(key, Arc::clone(&activity));
        drop(members);
        Some(Member {
            roster: Arc::clone(self),
            key,
            activity,
        })
    }

    /// Frees at least `bytes` of memory by sending away the unverified bodies that make least
    /// progress, never `but`. What they hold is given back at once, ahead of their end.
    pub(crate) fn free_memory(&self, memory: &Memory, bytes: u64, but: &Activity) -> bool {
        let now = Instant::now();
        let members = self.lock();
        let mut holders: Vec<_> = members
            .values()
            .filter(|other| other.held() > 0 && !std::ptr::eq(other.as_ref(), but))
            .filter_map(|other| Some((standing(other, now)?, other)))
            .collect();
        holders.sort_unstable_by_key(|(standing, _)| *standing);
        let own = standing(but, now);
        let mut freed = 0;
        for (standing, other) in holders {
            // The newcomer goes itself if nobody deserves it more.
            if freed >= bytes || own.is_some_and(|own| own <= standing) {
                break;
            }
            freed += send_away(other, memory);
            self.evicted.fetch_add(1, Relaxed);
        }
        freed >= bytes
    }

    /// Has every connection look around: something that concerns all of them has changed.
    pub(crate) fn wake_all(&self) {
        self.lock().values().for_each(|activity| activity.wake());
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

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Activity>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send_away(activity: &Activity, memory: &Memory) -> u64 {
    let held = activity.take_held();
    memory.give_back(held);
    activity.evict();
    held
}

/// How many were sent away.
fn make_room(members: &mut HashMap<u64, Arc<Activity>>, places: usize) -> u64 {
    let now = Instant::now();
    let mut candidates: Vec<_> = members
        .iter()
        .filter_map(|(key, activity)| Some((standing(activity, now)?, *key)))
        .collect();
    if candidates.len() > places {
        candidates.select_nth_unstable(places);
        candidates.truncate(places);
    }
    for (_, key) in &candidates {
        if let Some(activity) = members.remove(key) {
            activity.evict();
        }
    }
    candidates.len() as u64
}

fn standing(activity: &Activity, now: Instant) -> Option<Standing> {
    let since = activity.since();
    let is_new = now.saturating_duration_since(since) < BENEFIT_OF_DOUBT;
    match activity.phase() {
        // A client that has just connected is about to send. Whatever it has shown so far, all that
        // is new stands alike, the oldest first: were a body worth more, attackers who begin one and
        // come back for ever would push out each delivery whose head is still on its way.
        Phase::Idle if is_new && !activity.has_served() => Some(Standing::JustBegun { since }),
        Phase::Handshake if is_new => Some(Standing::JustBegun { since }),
        // A handshake costs an attacker next to nothing: half of one is worth no more than silence.
        Phase::Idle | Phase::Handshake => Some(Standing::Idle { since }),
        Phase::Head if is_new => Some(Standing::JustBegun { since }),
        Phase::Head | Phase::Refusal => Some(Standing::Dawdling { since }),
        Phase::Body if is_new => Some(Standing::JustBegun { since }),
        Phase::Body => {
            let recent_bytes = activity.body_progress();
            Some(Standing::Receiving {
                recent_bytes,
                since,
            })
        }
        // Its delivery is done; only the client still holds things up.
        Phase::Answer => activity
            .stalled()
            .filter(|stalled| now.saturating_duration_since(*stalled) > BENEFIT_OF_DOUBT)
            .map(|since| Standing::Dawdling { since }),
    }
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
    use super::*;

    fn full(phases: &[Phase]) -> (Arc<Roster>, Vec<Member>) {
        let roster = Arc::new(Roster::new(phases.len()));
        let members: Vec<_> = phases
            .iter()
            .map(|phase| {
                let member = roster.admit().expect("room");
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
        let _first = roster.admit().expect("the idle one went");
        assert_eq!(evicted(&members), [false, false, false, true]);
        _first.activity().enter(Phase::Answer);
        let _second = roster.admit().expect("the head went");
        assert_eq!(evicted(&members), [false, false, true, true]);
        _second.activity().enter(Phase::Answer);
        let _third = roster.admit().expect("the body went");
        assert_eq!(evicted(&members), [false, true, true, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_just_connected_does_not_go_before_an_old_dawdler() {
        let (roster, members) = full(&[Phase::Head, Phase::Idle]);
        members[1]
            .activity()
            .entered(Instant::now() + BENEFIT_OF_DOUBT * 5);
        tokio::time::advance(BENEFIT_OF_DOUBT * 5).await;
        let _third = roster.admit().expect("the dawdler went");
        assert_eq!(evicted(&members), [true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_just_connected_does_not_go_before_a_body_that_began_earlier() {
        let (roster, members) = full(&[Phase::Body, Phase::Idle]);
        members[1]
            .activity()
            .entered(Instant::now() + Duration::from_millis(5));
        tokio::time::advance(Duration::from_millis(10)).await;
        let _third = roster.admit().expect("the body went");
        assert_eq!(evicted(&members), [true, false]);
    }

    #[test]
    fn work_on_verified_deliveries_is_never_sent_away() {
        let (roster, members) = full(&[Phase::Answer, Phase::Answer]);
        assert!(roster.admit().is_none());
        assert_eq!(evicted(&members), [false, false]);
        drop(members);
        assert!(roster.admit().is_some());
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
        assert!(roster.free_memory(&memory, 100, members[0].activity()));
        assert_eq!(evicted(&members), [false, true, false]);
        assert_eq!(memory.held(), 200);
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
        assert!(!roster.free_memory(&memory, 50, members[1].activity()));
        assert_eq!(evicted(&members), [false, false]);
        assert_eq!(memory.held(), 100);
    }
}
