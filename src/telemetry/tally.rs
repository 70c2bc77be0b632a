//! Counts by reason. Reasons are words of this program and never a client's text, so there are few;
//! a table of fixed size takes whichever come, and no list of them has to be kept.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// More than there are reasons.
const SLOTS: usize = 64;

/// What a word is counted as that finds no slot.
const OTHER: &str = "other";

/// How many bits of the last occurrence hold its slot.
const SLOT_BITS: u32 = 8;

/// How often each reason occurred, and which occurred last.
#[derive(Debug)]
pub(crate) struct Tally {
    slots: [Slot; SLOTS],
    /// Milliseconds and slot in one, so that they belong together; 0 for never.
    last: AtomicU64,
}

#[derive(Debug)]
struct Slot {
    word: OnceLock<&'static str>,
    count: AtomicU64,
}

impl Tally {
    /// A tally in which these stand at nought: Prometheus sees no growth in a series that begins
    /// with its first event.
    pub(crate) fn of(words: impl IntoIterator<Item = &'static str>) -> Self {
        let tally = Self {
            slots: std::array::from_fn(|_| Slot {
                word: OnceLock::new(),
                count: AtomicU64::new(0),
            }),
            last: AtomicU64::new(0),
        };
        for word in words {
            tally.slot(word);
        }
        tally
    }

    pub(crate) fn add(&self, word: &'static str, now: u64) {
        let slot = self.slot(word);
        self.slots[slot].count.fetch_add(1, Relaxed);
        self.last.store(now << SLOT_BITS | slot as u64, Relaxed);
    }

    /// Each word with its count.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let taken = |slot: &Slot| Some((*slot.word.get()?, slot.count.load(Relaxed)));
        self.slots.iter().filter_map(taken)
    }

    pub(crate) fn sum(&self) -> u64 {
        self.counts().map(|(_, count)| count).sum()
    }

    /// When something last occurred, in milliseconds, and what.
    pub(crate) fn last(&self) -> Option<(u64, &'static str)> {
        let last = self.last.load(Relaxed);
        let slot = usize::try_from(last & ((1 << SLOT_BITS) - 1)).ok()?;
        let word = *self.slots.get(slot)?.word.get()?;
        (last > 0).then_some((last >> SLOT_BITS, word))
    }

    /// The slot of a word; an empty one becomes its own. Few words are compared, and most of those by
    /// their lengths alone.
    fn slot(&self, word: &'static str) -> usize {
        const LAST: usize = SLOTS - 1;
        let own = |slot: &Slot| *slot.word.get_or_init(|| word) == word;
        self.slots[..LAST].iter().position(own).unwrap_or_else(|| {
            self.slots[LAST].word.get_or_init(|| OTHER);
            LAST
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_each_for_itself() {
        let tally = Tally::of(["a", "b"]);
        assert_eq!(tally.last(), None);
        tally.add("b", 1_000);
        tally.add("c", 2_000);
        tally.add("b", 3_000);
        let counts: Vec<_> = tally.counts().collect();
        assert_eq!(counts, [("a", 0), ("b", 2), ("c", 1)]);
        assert_eq!((tally.sum(), tally.last()), (3, Some((3_000, "b"))));
    }

    #[test]
    fn what_finds_no_slot_is_counted_together() {
        let tally = Tally::of([]);
        for number in 0..SLOTS + 3 {
            let word: &'static str = Box::leak(number.to_string().into_boxed_str());
            tally.add(word, 1);
        }
        assert_eq!(tally.counts().count(), SLOTS);
        assert_eq!(tally.counts().last(), Some((OTHER, 4)));
        assert_eq!(tally.last(), Some((1, OTHER)));
    }
}
