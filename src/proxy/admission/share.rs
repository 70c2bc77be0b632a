//! The order in which holders lose places or memory: the source that holds the most comes first.

use std::{cmp::Reverse, collections::HashMap};

use super::standing::Standing;
use crate::net::{peer::Peer, source::Source, trusted_hops::TrustedHops};

/// Sources that hold at most this part of the whole count as equal: many deliveries come from few
/// addresses.
const FAIR_PART: u64 = 64;

/// Steady bodies hold at most this part of the whole. The rest is for new connections.
const PART_FOR_STEADY: u64 = 2;

/// The holder of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// All connections of an address or an IPv6 /64.
    Source(Source),
    /// The connection alone. A trusted proxy or a Unix socket carries many clients, which are
    /// unknown until the head has been read.
    Connection,
}

impl Holder {
    pub(crate) fn of(peer: &Peer, trusted: &TrustedHops) -> Self {
        match peer {
            Peer::Tcp(address) if !trusted.trusts(peer) => Self::Source(address.ip().into()),
            Peer::Tcp(_) | Peer::Unix => Self::Connection,
        }
    }
}

/// The sum that each source holds.
#[derive(Debug)]
pub(crate) struct Shares {
    fair: u64,
    for_steady: u64,
    held: HashMap<Source, u64>,
}

/// A holder that may be evicted.
#[derive(Debug)]
pub(crate) struct Candidate<T> {
    pub(crate) key: T,
    pub(crate) holder: Holder,
    pub(crate) standing: Standing,
    /// The places or bytes that an eviction frees.
    pub(crate) weight: u64,
}

/// A candidate at its rank.
#[derive(Debug)]
pub(crate) struct Ranked<T> {
    pub(crate) candidate: Candidate<T>,
    /// The excess of its source over a fair share once the candidates before it are evicted.
    pub(crate) excess: u64,
}

impl Shares {
    /// Starts with empty shares of `whole`.
    pub(crate) fn new(whole: u64) -> Self {
        Self {
            fair: (whole / FAIR_PART).max(1),
            for_steady: whole / PART_FOR_STEADY,
            held: HashMap::new(),
        }
    }

    pub(crate) fn add(&mut self, holder: Holder, weight: u64) {
        if let Holder::Source(source) = holder {
            *self.held.entry(source).or_default() += weight;
        }
    }

    /// Returns the excess of the holder over a fair share.
    pub(crate) fn excess(&self, holder: Holder) -> u64 {
        match holder {
            Holder::Source(source) => {
                let held = self.held.get(&source).copied().unwrap_or_default();
                held.saturating_sub(self.fair)
            }
            Holder::Connection => 0,
        }
    }

    /// Lowers the standing of steady bodies until the rest of them hold at most their part. It
    /// begins in the source that holds the most, and there with those that have run longest.
    pub(crate) fn bound_steady<T>(&self, candidates: &mut [Candidate<T>]) {
        let mut steady: Vec<_> = candidates
            .iter_mut()
            .filter_map(|candidate| {
                let since = candidate.standing.steady_since()?;
                Some((Reverse(self.excess(candidate.holder)), since, candidate))
            })
            .collect();
        let mut held: u64 = steady.iter().map(|(.., one)| one.weight).sum();
        if held <= self.for_steady {
            return;
        }
        steady.sort_unstable_by_key(|(excess, since, _)| (*excess, *since));
        for (_, since, candidate) in steady {
            if held <= self.for_steady {
                break;
            }
            held -= candidate.weight;
            candidate.standing = Standing::Outstayed { since };
        }
    }

    /// Sorts the candidates. The next is always the one of the lowest standing in the source that
    /// then holds the most.
    pub(crate) fn rank<T>(mut self, mut candidates: Vec<Candidate<T>>) -> Vec<Ranked<T>> {
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
    use std::{net::Ipv4Addr, time::Duration};

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
                    key: last,
                    holder: holder(last),
                    standing: Standing::Idle { since },
                    weight: 1,
                });
            }
        }
        let order = shares.rank(candidates);
        let order: Vec<_> = order
            .iter()
            .map(|ranked| (ranked.candidate.key, ranked.excess))
            .collect();
        assert_eq!(order[..2], [(1, 4), (1, 3)]);
        assert_eq!(order[2..6].iter().filter(|(one, _)| *one == 2).count(), 2);
        assert!(order[6..].iter().all(|(_, excess)| *excess == 0));
    }

    /// Returns which candidates have outstayed. Each holds `weight` of the whole.
    fn outstayed(whole: u64, weight: u64, standings: &[Standing]) -> Vec<bool> {
        let mut candidates: Vec<_> = standings
            .iter()
            .map(|standing| Candidate {
                key: (),
                holder: Holder::Connection,
                standing: *standing,
                weight,
            })
            .collect();
        Shares::new(whole).bound_steady(&mut candidates);
        candidates
            .iter()
            .map(|one| one.standing.has_outstayed())
            .collect()
    }

    #[test]
    fn steady_bodies_beyond_half_have_outstayed_the_longest_running_first() {
        let now = Instant::now();
        let steady = |seconds, recent_bytes| Standing::Steady {
            recent_bytes,
            since: now + Duration::from_secs(seconds),
        };
        let standings = [
            steady(2, 1),
            Standing::Fresh { since: now },
            steady(0, 9_000),
            steady(1, 5_000),
        ];
        assert_eq!(outstayed(6, 1, &standings), [false; 4]);
        assert_eq!(outstayed(5, 1, &standings), [false, false, true, false]);
        assert_eq!(outstayed(2, 1, &standings), [false, false, true, true]);
        assert_eq!(outstayed(600, 100, &standings), [false; 4]);
        assert_eq!(outstayed(599, 100, &standings), [false, false, true, false]);
    }
}
