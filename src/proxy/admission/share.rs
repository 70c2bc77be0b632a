//! The order in which holders of places or memory lose them: the source that holds the most first.

use std::{cmp::Reverse, collections::HashMap};

use super::standing::Standing;
use crate::net::{peer::Peer, source::Source, trusted_hops::TrustedHops};

/// Sources that hold no more than this part of all are alike: many deliveries come from few addresses.
const FAIR_PART: u64 = 64;

/// Steady bodies hold no more than this part of all: the rest is for newcomers.
const PART_FOR_STEADY: u64 = 2;

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
pub(crate) struct Shares {
    fair: u64,
    for_steady: u64,
    held: HashMap<Source, u64>,
}

/// One that may be evicted, with what it holds.
#[derive(Debug)]
pub(crate) struct Candidate<T> {
    pub(crate) one: T,
    pub(crate) holder: Holder,
    pub(crate) standing: Standing,
    pub(crate) weight: u64,
}

/// A candidate in its order, with what its source then holds beyond its fair part.
#[derive(Debug)]
pub(crate) struct Ranked<T> {
    pub(crate) candidate: Candidate<T>,
    pub(crate) excess: u64,
}

impl Shares {
    /// No shares yet, of `all` that there is.
    pub(crate) fn new(all: u64) -> Self {
        Self {
            fair: (all / FAIR_PART).max(1),
            for_steady: all / PART_FOR_STEADY,
            held: HashMap::new(),
        }
    }

    pub(crate) fn add(&mut self, holder: Holder, weight: u64) {
        if let Holder::Source(source) = holder {
            *self.held.entry(source).or_default() += weight;
        }
    }

    /// How much more than a fair part the holder has.
    pub(crate) fn excess(&self, holder: Holder) -> u64 {
        match holder {
            Holder::Source(source) => {
                let held = self.held.get(&source).copied().unwrap_or_default();
                held.saturating_sub(self.fair)
            }
            Holder::Itself => 0,
        }
    }

    /// Lowers the standing of steady bodies until the others hold no more than the part for such bodies: in the
    /// source that holds the most first, and there those that have run longest.
    pub(crate) fn bound_steady<T>(&self, candidates: &mut [Candidate<T>]) {
        let mut steady: Vec<_> = candidates
            .iter_mut()
            .filter_map(|one| {
                Some((
                    Reverse(self.excess(one.holder)),
                    one.standing.steady_since()?,
                    one,
                ))
            })
            .collect();
        let mut held: u64 = steady.iter().map(|(.., one)| one.weight).sum();
        if held <= self.for_steady {
            return;
        }
        steady.sort_unstable_by_key(|(excess, since, _)| (*excess, *since));
        for (_, since, one) in steady {
            if held <= self.for_steady {
                break;
            }
            held -= one.weight;
            one.standing = Standing::Outstayed { since };
        }
    }

    /// Sorts the candidates: always the least of the source that holds the most by then.
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

    /// Which of the candidates have outstayed, of `all` that there is; each holds `weight`.
    fn outstayed(all: u64, weight: u64, standings: &[Standing]) -> Vec<bool> {
        let mut candidates: Vec<_> = standings
            .iter()
            .map(|standing| Candidate {
                one: (),
                holder: Holder::Itself,
                standing: *standing,
                weight,
            })
            .collect();
        Shares::new(all).bound_steady(&mut candidates);
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
