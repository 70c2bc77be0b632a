//! Counters by reason. A reason is a word of this program and never text of a client, so there are
//! few. A table of fixed size holds them, and no list of reasons has to be maintained.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// The size of the table, which exceeds the number of reasons.
const SLOTS: usize = 64;

/// The word for all reasons that find no slot.
const OTHER: &str = "other";

/// The number of bits in `last` that hold the slot.
const SLOT_BITS: u32 = 8;

/// Counts events by reason, and keeps the last one.
#[derive(Debug)]
pub(crate) struct Tally {
    slots: [Slot; SLOTS],
    /// The time in milliseconds and the slot in one number, so that they match; 0 before the first
    /// event.
    last: AtomicU64,
}

#[derive(Debug)]
struct Slot {
    word: OnceLock<&'static str>,
    count: AtomicU64,
}

impl Tally {
    /// Creates a tally with these reasons at zero. Prometheus sees no increase in a series that
    /// begins with its first event.
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
        let slot = self.count(word);
        self.last.store(now << SLOT_BITS | slot as u64, Relaxed);
    }

    /// Counts an event that does not become the last one. Returns the slot of its reason.
    pub(crate) fn count(&self, word: &'static str) -> usize {
        let slot = self.slot(word);
        self.slots[slot].count.fetch_add(1, Relaxed);
        slot
    }

    /// Returns each reason with its count.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let taken = |slot: &Slot| Some((*slot.word.get()?, slot.count.load(Relaxed)));
        self.slots.iter().filter_map(taken)
    }

    pub(crate) fn sum(&self) -> u64 {
        self.counts().map(|(_, count)| count).sum()
    }

    /// Returns the time of the last event, in milliseconds, and its reason.
    pub(crate) fn last(&self) -> Option<(u64, &'static str)> {
        let last = self.last.load(Relaxed);
        let slot = usize::try_from(last & ((1 << SLOT_BITS) - 1)).ok()?;
        let word = *self.slots.get(slot)?.word.get()?;
        (last > 0).then_some((last >> SLOT_BITS, word))
    }

    /// Returns the slot of a reason, and assigns a free one to a new reason. Most comparisons end
    /// at the length.
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
        tally.count("a");
        let counts: Vec<_> = tally.counts().collect();
        assert_eq!(counts, [("a", 1), ("b", 2), ("c", 1)]);
        assert_eq!((tally.sum(), tally.last()), (4, Some((3_000, "b"))));
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
