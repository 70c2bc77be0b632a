//! The order in which holders of places or memory lose them: the source that holds the most first.

use std::{cmp::Reverse, collections::HashMap};

use super::standing::Standing;
use crate::{config::TrustedHops, kept::Source, listener::Peer};

/// Sources that hold no more than this part of all are alike: many deliveries come from few addresses.
const FAIR_PART: u64 = 64;

/// The owner of a connection's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// An address, or an IPv6 /64.
    Source(Source),
    /// The connection alone: a trusted proxy or a Unix socket speaks for many clients, and nobody knows
    /// which before the head.
    Itself,
}

impl Holder {
    pub(crate) fn of(peer: &Peer, trusted: &TrustedHops) -> Self {
        match peer {
            Peer::Tcp(address) if !trusted.trusts(peer) => Self::Source(address.ip().into()),
            Peer::Tcp(_) | Peer::Unix => Self::Itself,
        }
    }
}

/// The sum that each source holds.
#[derive(Debug)]
pub(super) struct Shares {
    fair: u64,
    held: HashMap<Source, u64>,
}

/// One that may be evicted, with what it holds.
#[derive(Debug)]
pub(super) struct Candidate<T> {
    pub(super) one: T,
    pub(super) holder: Holder,
    pub(super) standing: Standing,
    pub(super) weight: u64,
}

/// A candidate in its order, with what its source then holds beyond its fair part.
#[derive(Debug)]
pub(super) struct Ranked<T> {
    pub(super) candidate: Candidate<T>,
    pub(super) excess: u64,
}

impl Shares {
    /// No shares yet, of `all` that there is.
    pub(super) fn new(all: u64) -> Self {
        Self {
            fair: (all / FAIR_PART).max(1),
            held: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, holder: Holder, weight: u64) {
        if let Holder::Source(source) = holder {
            *self.held.entry(source).or_default() += weight;
        }
    }

    /// How much more than a fair part the holder has.
    pub(super) fn excess(&self, holder: Holder) -> u64 {
        match holder {
            Holder::Source(source) => {
                let held = self.held.get(&source).copied().unwrap_or_default();
                held.saturating_sub(self.fair)
            }
            Holder::Itself => 0,
        }
    }

    /// Sorts the candidates: always the least of the source that holds the most by then.
    pub(super) fn rank<T>(mut self, mut candidates: Vec<Candidate<T>>) -> Vec<Ranked<T>> {
        candidates.sort_unstable_by_key(|candidate| candidate.standing);
        let mut ranked: Vec<_> = candidates
            .into_iter()
            .map(|candidate| {
                let excess = self.excess(candidate.holder);
                self.remove(candidate.holder, candidate.weight);
                Ranked { candidate, excess }
            })
            .collect();
        ranked.sort_by_key(|ranked| (Reverse(ranked.excess), ranked.candidate.standing));
        ranked
    }

    fn remove(&mut self, holder: Holder, weight: u64) {
        if let Holder::Source(source) = holder
            && let Some(held) = self.held.get_mut(&source)
        {
            *held = held.saturating_sub(weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::Instant;

    use super::*;

    #[test]
    fn the_largest_source_loses_until_it_is_as_small_as_the_next() {
        let since = Instant::now();
        let holder =
            |last| Holder::Source(std::net::IpAddr::from(Ipv4Addr::new(192, 0, 2, last)).into());
        let mut shares = Shares::new(64);
        let mut candidates = Vec::new();
        for (last, count) in [(1, 5), (2, 3), (3, 1)] {
            for _ in 0..count {
                shares.add(holder(last), 1);
                candidates.push(Candidate {
                    one: last,
                    holder: holder(last),
                    standing: Standing::Idle { since },
                    weight: 1,
                });
            }
        }
        let order = shares.rank(candidates);
        let order: Vec<_> = order
            .iter()
            .map(|ranked| (ranked.candidate.one, ranked.excess))
            .collect();
        assert_eq!(order[..2], [(1, 4), (1, 3)]);
        assert_eq!(order[2..6].iter().filter(|(one, _)| *one == 2).count(), 2);
        assert!(order[6..].iter().all(|(_, excess)| *excess == 0));
    }
}
