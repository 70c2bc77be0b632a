//! The open connections, and the eviction of some when the gate is full.
//!
//! The source that holds the most loses first, and within it the connections of the lowest
//! standing. A verified delivery whose destination has yet to respond is never evicted. The lock is
//! taken when a connection opens or closes and when the gate is full, but not for each request.

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

/// The part of the places that a full gate frees at once. An attacker that keeps opening
/// connections therefore does not cause a walk over all of them for each.
const PART_FREED: usize = 64;

/// The open connections.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    next_key: AtomicU64,
    turned_away: AtomicU64,
    evicted: AtomicU64,
    open: Mutex<Open>,
}

type Open = HashMap<u64, Entry>;

#[derive(Debug)]
struct Entry {
    state: Arc<ConnectionState>,
    holder: Holder,
}

/// The place of a connection among the open ones. Dropping it frees the place.
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
            next_key: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            open: Mutex::default(),
        }
    }

    /// Gives a place to a new connection. If the gate is full, it evicts others, unless all of them
    /// work on verified deliveries or belong to sources that hold less than the new one's. `rate`
    /// is the minimum rate of bodies in bytes per second.
    pub(crate) fn admit(self: &Arc<Self>, holder: Holder, rate: u64) -> Option<ConnectionPermit> {
        let mut open = self.lock();
        if open.len() >= self.limit {
            let evicted = make_room(&mut open, self.limit, holder, rate);
            self.evicted.fetch_add(evicted, Relaxed);
            if evicted == 0 {
                self.turned_away.fetch_add(1, Relaxed);
                return None;
            }
        }
        let key = self.next_key.fetch_add(1, Relaxed);
        let state = Arc::new(ConnectionState::new());
        let entry = Entry {
            state: Arc::clone(&state),
            holder,
        };
        open.insert(key, entry);
        drop(open);
        Some(ConnectionPermit {
            connections: Arc::clone(self),
            key,
            state,
        })
    }

    /// Takes `bytes` of memory for the body of `own` from bodies whose sources hold more or whose
    /// standing is lower, and evicts these. Takes nothing if that does not free enough. The memory
    /// changes hands at once, so that no other body takes it in between.
    pub(crate) fn take_over(
        &self,
        memory: &Memory,
        bytes: u64,
        own: &ConnectionState,
        rate: u64,
    ) -> bool {
        let open = self.lock();
        let Some(victims) = victims(&open, memory.limit(), bytes, own, rate) else {
            return false;
        };
        self.evicted.fetch_add(victims.len() as u64, Relaxed);
        let mut freed = 0;
        for state in victims {
            freed += state.take_held();
            state.evict();
        }
        // A body that becomes complete meanwhile keeps its memory.
        let taken = freed >= bytes || memory.take(bytes - freed);
        memory.release(if taken {
            freed.saturating_sub(bytes)
        } else {
            freed
        });
        taken
    }

    /// Wakes every connection after a change that concerns all of them.
    pub(crate) fn wake_all(&self) {
        self.lock().values().for_each(|entry| entry.state.wake());
    }

    /// Returns the number of open connections.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns the number of connections that may be open.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the number of connections that got a place since the start.
    pub(crate) fn admitted(&self) -> u64 {
        self.next_key.load(Relaxed)
    }

    /// Returns the number of connections that got no place since the start.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Relaxed)
    }

    /// Returns the number of connections that were evicted since the start.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// Chooses the bodies that lose their memory to the body of `own`; none if they would not free
/// `bytes` of the `limit`.
fn victims<'a>(
    open: &'a Open,
    limit: u64,
    bytes: u64,
    own: &ConnectionState,
    rate: u64,
) -> Option<Vec<&'a ConnectionState>> {
    let (mut shares, mut candidates) = (Shares::new(limit), Vec::new());
    let (now, mut own_holder) = (Instant::now(), Holder::Connection);
    for Entry { state, holder } in open.values() {
        let mut held = state.held();
        if std::ptr::eq(&**state, own) {
            own_holder = *holder;
            held += bytes;
        }
        if held > 0 {
            shares.add(*holder, held);
            candidates.extend(candidate(&**state, state, *holder, held, now, rate));
        }
    }
    shares.bound_steady(&mut candidates);
    let own_excess = shares.excess(own_holder);
    let own_standing = candidates
        .iter()
        .position(|candidate| std::ptr::eq(candidate.key, own))
        .map(|index| candidates.swap_remove(index).standing);
    let (mut freed, mut victims) = (0, Vec::new());
    for Ranked { candidate, excess } in shares.rank(candidates) {
        let own_excess = if candidate.holder == own_holder {
            excess
        } else {
            own_excess
        };
        // The body of `own` itself is rejected if no other ranks below it.
        let is_lower = excess > own_excess
            || excess == own_excess && own_standing.is_some_and(|own| candidate.standing < own);
        if freed >= bytes || !is_lower {
            break;
        }
        freed += candidate.weight;
        victims.push(candidate.key);
    }
    (freed >= bytes).then_some(victims)
}

fn candidate<T>(
    key: T,
    state: &ConnectionState,
    holder: Holder,
    weight: u64,
    now: Instant,
    rate: u64,
) -> Option<Candidate<T>> {
    let standing = Standing::of(state, now, rate)?;
    Some(Candidate {
        key,
        holder,
        standing,
        weight,
    })
}

/// Evicts connections for a new one, and returns their number.
fn make_room(open: &mut Open, limit: usize, new_holder: Holder, rate: u64) -> u64 {
    let now = Instant::now();
    let mut shares = Shares::new(limit as u64);
    shares.add(new_holder, 1);
    let mut candidates = Vec::with_capacity(open.len());
    for (key, Entry { state, holder }) in open.iter() {
        shares.add(*holder, 1);
        candidates.extend(candidate(*key, state, *holder, 1, now, rate));
    }
    shares.bound_steady(&mut candidates);
    let new_excess = shares.excess(new_holder);
    let ranked = shares.rank(candidates);
    let Some(first) = ranked.first().filter(|first| first.excess >= new_excess) else {
        return 0;
    };
    let victims = ranked.iter().take(places_to_free(&ranked, first, limit));
    let evicted = victims.filter_map(|ranked| open.remove(&ranked.candidate.key));
    evicted.inspect(|entry| entry.state.evict()).count() as u64
}

/// Returns how many of the ranked connections to evict: several, but only such as rank like the
/// first, and never most of those.
fn places_to_free(ranked: &[Ranked<u64>], first: &Ranked<u64>, limit: usize) -> usize {
    if first.candidate.standing.is_steady() {
        return 1;
    }
    let kind = |ranked: &Ranked<u64>| {
        let standing = ranked.candidate.standing;
        (
            ranked.excess > 0,
            standing.has_outstayed(),
            standing.is_steady(),
        )
    };
    let alike = ranked.iter().take_while(|one| kind(one) == kind(first));
    alike.count().div_ceil(2).min(limit / PART_FREED + 1)
}

#[cfg(test)]
mod tests;
