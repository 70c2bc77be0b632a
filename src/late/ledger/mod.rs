//! The ledger: the gate's knowledge of each file of the directory.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use tower_cartgate::SecretName;
use uuid::Uuid;

use super::retry::after_failure;
use crate::{
    proxy::snapshot::Snapshot,
    rejected::{LateStandings, LateState},
};

/// The rejections by an app after which a delivery holds back the later ones no more.
pub(super) const SET_ASIDE: u32 = 8;

/// The files of the directory, oldest first.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) entries: BTreeMap<Uuid, LedgerEntry>,
    /// Files that were delivered, and have no mark yet.
    pub(super) unmarked: Vec<Uuid>,
    /// Copies of delivered files that have no mark yet.
    pub(super) unmarked_copies: Vec<Uuid>,
    /// The last turn of each endpoint.
    turns: HashMap<Arc<str>, Instant>,
}

/// A file.
#[derive(Debug)]
pub(super) struct LedgerEntry {
    pub(super) endpoint: Arc<str>,
    pub(super) finding: FileFinding,
}

/// The gate's knowledge of a file.
#[derive(Debug)]
pub(super) enum FileFinding {
    /// No secret verifies it, its endpoint is unknown, or it is unreadable.
    Forged,
    /// Another rule of the endpoint rejects it, for this reason.
    Refused(&'static str),
    /// It verifies and is to be delivered.
    Waiting(WaitingDelivery),
    /// It was delivered or forwarded, or is a copy.
    Done(LateState, BodyDigest),
}

/// A digest of an endpoint and a body.
pub(super) type BodyDigest = [u8; 32];

/// A delivery that waits.
#[derive(Debug)]
pub(super) struct WaitingDelivery {
    pub(super) digest: BodyDigest,
    /// The secret that verifies it.
    secret: SecretName,
    due: Instant,
    failures: u32,
    /// The failures that show nothing about other deliveries.
    own_failures: u32,
    trouble: Option<String>,
}

impl WaitingDelivery {
    pub(super) fn new(digest: BodyDigest, secret: SecretName) -> Self {
        Self {
            digest,
            secret,
            due: Instant::now(),
            failures: 0,
            own_failures: 0,
            trouble: None,
        }
    }
}

/// A failure to deliver.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) cause: String,
    /// Whether the failure shows nothing about other deliveries: the app responded to this one.
    pub(super) is_own: bool,
}

impl Ledger {
    /// Forgets the findings that other rules could change. A forgery stays one while its endpoint
    /// has the same secrets, however often the gate reloads.
    pub(super) fn follow(&mut self, old: &Snapshot, new: &Snapshot) {
        self.turns.clear();
        let mut unchanged = HashMap::<Arc<str>, bool>::new();
        self.entries.retain(|_, entry| match entry.finding {
            FileFinding::Done(..) => true,
            FileFinding::Refused(_) | FileFinding::Waiting(_) => false,
            FileFinding::Forged => *unchanged
                .entry(Arc::clone(&entry.endpoint))
                .or_insert_with(|| verifies_alike(&entry.endpoint, old, new)),
        });
    }

    /// Returns the next delivery that is due. Endpoints take turns, so that an app that is slow or
    /// never responds keeps no other endpoint waiting for long.
    pub(super) fn next(&mut self, now: Instant) -> Option<Uuid> {
        let due = self.candidates().filter(|(_, waiting)| waiting.due <= now);
        let next = due.min_by_key(|(id, waiting)| {
            let endpoint = &self.entries[id].endpoint;
            (self.turns.get(endpoint), waiting.due, *id)
        });
        let id = next?.0;
        let endpoint = Arc::clone(&self.entries[&id].endpoint);
        self.turns.insert(endpoint, now);
        Some(id)
    }

    /// Returns the time until a delivery is due.
    pub(super) fn next_due(&self, now: Instant) -> Option<Duration> {
        let due = self.candidates().map(|(_, waiting)| waiting.due).min();
        due.map(|due| due.saturating_duration_since(now))
    }

    /// Returns the deliveries that no earlier one of their endpoint holds back.
    fn candidates(&self) -> impl Iterator<Item = (Uuid, &WaitingDelivery)> {
        let mut held_back = HashSet::new();
        self.firsts().filter_map(move |(id, entry, waiting)| {
            if held_back.contains(&entry.endpoint) {
                return None;
            }
            if waiting.own_failures < SET_ASIDE {
                held_back.insert(Arc::clone(&entry.endpoint));
            }
            Some((id, waiting))
        })
    }

    /// Returns the first delivery of each body that waits, unless that body was delivered.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (Uuid, &LedgerEntry, &WaitingDelivery)> {
        let mut seen = self.done_bodies();
        self.entries.iter().filter_map(move |(id, entry)| {
            let FileFinding::Waiting(waiting) = &entry.finding else {
                return None;
            };
            let is_first = seen.insert(waiting.digest);
            is_first.then_some((*id, entry, waiting))
        })
    }

    /// Returns the deliveries that wait although the same body was delivered.
    pub(super) fn copies(&self) -> Vec<Uuid> {
        let done = self.done_bodies();
        let waits = |entry: &LedgerEntry| match &entry.finding {
            FileFinding::Waiting(waiting) => done.contains(&waiting.digest),
            _ => false,
        };
        let copies = self.entries.iter().filter(|(_, entry)| waits(entry));
        copies.map(|(id, _)| *id).collect()
    }

    fn done_bodies(&self) -> HashSet<BodyDigest> {
        let findings = self.entries.values().map(|entry| &entry.finding);
        let done = findings.filter_map(|finding| match finding {
            FileFinding::Done(_, digest) => Some(*digest),
            _ => None,
        });
        done.collect()
    }

    /// Notes that this gate has delivered a file, or found it to be a copy. It is not delivered
    /// again, even if its mark cannot be written.
    pub(super) fn finish(&mut self, id: Uuid, state: LateState) {
        if self.note_done(id, state) {
            let unmarked = match state {
                LateState::Copy => &mut self.unmarked_copies,
                _ => &mut self.unmarked,
            };
            unmarked.push(id);
        }
    }

    /// Notes the state that the mark of a file shows. Returns whether the file has waited.
    pub(super) fn note_done(&mut self, id: Uuid, state: LateState) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else {
            return false;
        };
        let FileFinding::Waiting(waiting) = &entry.finding else {
            return false;
        };
        entry.finding = FileFinding::Done(state, waiting.digest);
        true
    }

    /// Notes a failure, and returns the wait until the next attempt.
    pub(super) fn postpone(&mut self, id: Uuid, setback: Setback) -> Duration {
        let Some(FileFinding::Waiting(waiting)) =
            self.entries.get_mut(&id).map(|entry| &mut entry.finding)
        else {
            return Duration::ZERO;
        };
        waiting.failures = waiting.failures.saturating_add(1);
        waiting.own_failures = match setback.is_own {
            true => waiting.own_failures.saturating_add(1),
            false => waiting.own_failures,
        };
        let wait = after_failure(waiting.failures);
        waiting.due = Instant::now() + wait;
        waiting.trouble = Some(setback.cause);
        wait
    }

    /// Returns the numbers of each endpoint.
    pub(super) fn standings(&self) -> LateStandings {
        let mut standings = LateStandings::new();
        for entry in self.entries.values() {
            let (delivered, refused, copy) = match &entry.finding {
                FileFinding::Done(LateState::Delivered, _) => (1, 0, 0),
                FileFinding::Done(LateState::Copy, _) => (0, 0, 1),
                FileFinding::Refused(_) => (0, 1, 0),
                _ => continue,
            };
            let standing = standings.entry(Arc::clone(&entry.endpoint)).or_default();
            standing.delivered += delivered;
            standing.refused += refused;
            standing.copies += copy;
        }
        for (_, entry, waiting) in self.firsts() {
            let standing = standings.entry(Arc::clone(&entry.endpoint)).or_default();
            standing.add_waiting(&waiting.secret);
            let trouble = standing.trouble.take();
            standing.trouble = trouble.or_else(|| waiting.trouble.clone());
        }
        standings
    }
}

/// Whether an endpoint accepts the same signatures in two configurations.
fn verifies_alike(endpoint: &str, old: &Snapshot, new: &Snapshot) -> bool {
    let policy = |snapshot: &Snapshot| {
        let mut meters = snapshot.meters().iter();
        let meter = meters.find(|meter| *meter.endpoint.name == *endpoint);
        meter.map(|meter| Arc::clone(&meter.endpoint.policy))
    };
    match (policy(old), policy(new)) {
        (Some(old), Some(new)) => {
            let is_same = old.keyring().accepts_the_same(new.keyring());
            is_same && old.header() == new.header() && old.max_body() == new.max_body()
        }
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
