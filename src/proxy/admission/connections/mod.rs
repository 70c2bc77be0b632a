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
use crate::proxy::state::ConnectionState;

/// A full roster frees this part of itself at once, so that an attacker who opens connections in a
/// loop does not cost a walk over all of them for each.
const PART_FREED: usize = 64;

/// The open connections.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    next: AtomicU64,
    turned_away: AtomicU64,
    evicted: AtomicU64,
    members: Mutex<Members>,
}

type Members = HashMap<u64, Entry>;

#[derive(Debug)]
struct Entry {
    state: Arc<ConnectionState>,
    holder: Holder,
}

/// A connection's place in the roster; given up when dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    connections: Arc<Connections>,
    key: u64,
    state: Arc<ConnectionState>,
}

impl Connections {
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
    pub(crate) fn admit(self: &Arc<Self>, holder: Holder, rate: u64) -> Option<ConnectionPermit> {
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
        let state = Arc::new(ConnectionState::new());
        let entry = Entry {
            state: Arc::clone(&state),
            holder,
        };
        members.insert(key, entry);
        drop(members);
        Some(ConnectionPermit {
            connections: Arc::clone(self),
            key,
            state,
        })
    }

    /// Takes `bytes` of memory for the body of `own` by evicting bodies whose sources hold more
    /// or whose standing is less; none if that does not free enough. What they hold passes over at
    /// once, so that no other body takes it in between.
    pub(crate) fn take_over(
        &self,
        memory: &Memory,
        bytes: u64,
        own: &ConnectionState,
        rate: u64,
    ) -> bool {
        let now = Instant::now();
        let members = self.lock();
        let mut shares = Shares::new(memory.limit());
        let mut candidates = Vec::new();
        let mut own_holder = Holder::Itself;
        for Entry { state, holder } in members.values() {
            let is_own = std::ptr::eq(state.as_ref(), own);
            let mut held = state.held();
            if is_own {
                own_holder = *holder;
                held += bytes;
            }
            if held > 0 {
                shares.add(*holder, held);
                candidates.extend(candidate(state, state, *holder, held, now, rate));
            }
        }
        shares.bound_steady(&mut candidates);
        let excess = shares.excess(own_holder);
        let own = candidates
            .iter()
            .position(|one| std::ptr::eq(one.one.as_ref(), own))
            .map(|place| candidates.swap_remove(place).standing);
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
        for state in victims {
            freed += state.take_held();
            state.evict();
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
        self.lock().values().for_each(|one| one.state.wake());
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
    state: &ConnectionState,
    holder: Holder,
    weight: u64,
    now: Instant,
    rate: u64,
) -> Option<Candidate<T>> {
    let standing = Standing::of(state, now, rate)?;
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
    for (key, Entry { state, holder }) in members.iter() {
        shares.add(*holder, 1);
        candidates.extend(candidate(*key, state, *holder, 1, now, rate));
    }
    shares.bound_steady(&mut candidates);
    let newcomers = shares.excess(newcomer);
    let ranked = shares.rank(candidates);
    let Some(first) = ranked.first().filter(|first| first.excess >= newcomers) else {
        return 0;
    };
    // More than one, but no better ones than needed, and never most of the newcomers at once.
    let kind = |one: &Ranked<u64>| {
        let standing = one.candidate.standing;
        (
            one.excess > 0,
            standing.has_outstayed(),
            standing.is_steady(),
        )
    };
    let alike = ranked.iter().take_while(|one| kind(one) == kind(first));
    let places = if first.candidate.standing.is_steady() {
        1
    } else {
        alike.count().div_ceil(2).min(limit / PART_FREED + 1)
    };
    let victims = ranked.iter().take(places);
    let evicted = victims.filter_map(|one| members.remove(&one.candidate.one));
    evicted.inspect(|one| one.state.evict()).count() as u64
}

impl ConnectionPermit {
    pub(crate) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
