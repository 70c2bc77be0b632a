//! Bodies that come again: the sender's retries, by their digests.

use serde::{Deserialize, Serialize};

use super::sizes::Sizes;
use crate::runtime::clock::Millis;

/// The number of bodies among which a repeat is recognized.
const MAX_RECENT: usize = 512;

/// The number of repeats whose spacing is kept separately. Later ones count as the last.
const MAX_REPEATS: usize = 8;

/// The repeats of bodies.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::profile) struct Repeats {
    recent: Vec<Recent>,
    /// The place of the next body in `recent`.
    next: usize,
    /// The bodies that came again.
    pub(in crate::profile) bodies: u64,
    /// The largest number of arrivals of one body.
    pub(in crate::profile) most: u64,
    /// The longest time from the first to the last arrival of one body.
    pub(in crate::profile) longest: Millis,
    /// The time to each repeat from the arrival before it, in milliseconds.
    spacing: Vec<Sizes>,
}

/// A body that arrived not long ago.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recent {
    digest: u64,
    first: Millis,
    last: Millis,
    arrivals: u64,
}

impl Repeats {
    /// Notes the arrival of a body. Returns whether it came before.
    pub(in crate::profile) fn note(&mut self, digest: u64, now: Millis) -> bool {
        match self.recent.iter_mut().find(|one| one.digest == digest) {
            None => {
                self.add(digest, now);
                false
            }
            Some(known) => {
                let since = now.saturating_sub(known.last).max(0);
                known.last = known.last.max(now);
                known.arrivals += 1;
                let (arrivals, whole) = (known.arrivals, known.last.saturating_sub(known.first));
                self.repeated(arrivals, since, whole);
                true
            }
        }
    }

    fn add(&mut self, digest: u64, now: Millis) {
        let one = Recent {
            digest,
            first: now,
            last: now,
            arrivals: 1,
        };
        if self.recent.len() < MAX_RECENT {
            self.recent.push(one);
        } else {
            // A stored profile may hold any number.
            let place = self.next % MAX_RECENT;
            self.recent[place] = one;
            self.next = place + 1;
        }
    }

    fn repeated(&mut self, arrivals: u64, since: Millis, whole: Millis) {
        self.bodies += u64::from(arrivals == 2);
        self.most = self.most.max(arrivals);
        self.longest = self.longest.max(whole);
        let repeat = usize::try_from(arrivals - 1).unwrap_or(MAX_REPEATS);
        let repeat = repeat.min(MAX_REPEATS);
        if self.spacing.len() < repeat {
            self.spacing.resize_with(repeat, Sizes::default);
        }
        self.spacing[repeat - 1].add(u64::try_from(since).unwrap_or_default());
    }

    /// Returns the number of each repeat, beginning at 1, with the times to it from the arrival
    /// before.
    pub(in crate::profile) fn spacing(&self) -> impl Iterator<Item = (usize, &Sizes)> {
        let spacing = self.spacing.iter().take(MAX_REPEATS).enumerate();
        spacing.map(|(index, times)| (index + 1, times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_have_a_spacing() {
        let mut repeats = Repeats::default();
        for start in [0, 1_000_000] {
            let body = u64::try_from(start).expect("positive");
            assert!(!repeats.note(body, start));
            assert!(repeats.note(body, start + 5_000));
            assert!(repeats.note(body, start + 305_000));
        }
        assert!(!repeats.note(7, 0));
        assert_eq!((repeats.bodies, repeats.most), (2, 3));
        assert_eq!(repeats.longest, 305_000);
        let spacing: Vec<_> = repeats
            .spacing()
            .map(|(repeat, times)| (repeat, times.count(), times.percentile(50.0) / 10_000))
            .collect();
        assert_eq!(spacing, [(1, 2, 0), (2, 2, 30)]);
    }

    #[test]
    fn a_body_that_comes_for_ever_and_many_bodies_need_bounded_room() {
        let mut repeats = Repeats::default();
        for now in 0..10_000 {
            repeats.note(0, now);
            let digest = u64::try_from(now).expect("positive") + 1;
            // A clock that runs backwards.
            repeats.note(digest, -now);
        }
        assert!(repeats.recent.len() <= MAX_RECENT);
        assert_eq!(repeats.spacing().count(), MAX_REPEATS);
    }
}
