//! The values at one place, by their digests: whether they are few, and whether any occurred twice.

use serde::{Deserialize, Serialize};

use crate::profile::scalar::{ScalarFacts, Word};

/// The largest number of distinct values that are few.
const MAX_FEW: usize = 16;

/// The number of values of which none may equal another. An older one is forgotten.
const MAX_RECENT: usize = 512;

/// The facts about the values at one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::profile) struct Values {
    /// The digests of the distinct values, while they are few.
    few: Vec<u64>,
    too_many: bool,
    /// The values that are one short word.
    plain_words: u64,
    /// The values that are a short word of several parts.
    compound_words: u64,
    /// All other values.
    others: u64,
    unique: Unique,
}

/// Whether all values differ.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unique {
    /// No value was compared yet.
    #[default]
    Open,
    /// No value equals another one, so far.
    Tracked {
        recent: Vec<u64>,
        next: usize,
        count: u64,
    },
    /// Two values were equal, or one identifies nothing.
    No,
}

impl Values {
    /// Learns the value of another body. `may_track` permits to begin comparing.
    pub(super) fn learn(&mut self, scalar: &ScalarFacts, may_track: bool) {
        match scalar.word {
            Word::Plain => self.plain_words += 1,
            Word::Compound => self.compound_words += 1,
            Word::None => self.others += 1,
        }
        match scalar.digest {
            Some(digest) => self.learn_few(digest),
            None => self.forget_few(),
        }
        self.unique.learn(scalar, may_track);
    }

    /// Notes that a value cannot be compared.
    pub(super) fn learn_nothing(&mut self) {
        self.others += 1;
        self.unique = Unique::No;
    }

    fn learn_few(&mut self, digest: u64) {
        if self.too_many || self.few.contains(&digest) {
            return;
        }
        if self.few.len() < MAX_FEW {
            self.few.push(digest);
        } else {
            self.forget_few();
        }
    }

    fn forget_few(&mut self) {
        self.too_many = true;
        self.few = Vec::new();
    }

    /// Returns the number of distinct values, if they are few.
    pub(in crate::profile) fn distinct(&self) -> Option<usize> {
        (!self.too_many && !self.few.is_empty()).then_some(self.few.len())
    }

    /// Returns the number of values, if all are short words.
    pub(in crate::profile) fn words(&self) -> Option<u64> {
        (self.others == 0).then_some(self.plain_words + self.compound_words)
    }

    /// Whether all values are words of several parts.
    pub(in crate::profile) fn are_compound(&self) -> bool {
        self.others == 0 && self.plain_words == 0
    }

    /// Returns the number of values that were compared, if all differ.
    pub(in crate::profile) fn unique(&self) -> Option<u64> {
        match &self.unique {
            Unique::Tracked { count, .. } => Some(*count),
            Unique::Open | Unique::No => None,
        }
    }

    /// Whether values are being compared.
    pub(super) fn is_tracked(&self) -> bool {
        matches!(self.unique, Unique::Tracked { .. })
    }
}

impl Unique {
    fn learn(&mut self, scalar: &ScalarFacts, may_track: bool) {
        let Some(digest) = scalar.digest.filter(|_| scalar.identifies) else {
            *self = Self::No;
            return;
        };
        match self {
            Self::Open if may_track => {
                *self = Self::Tracked {
                    recent: vec![digest],
                    next: 0,
                    count: 1,
                };
            }
            Self::Open | Self::No => {}
            Self::Tracked { recent, .. } if recent.contains(&digest) => *self = Self::No,
            Self::Tracked {
                recent,
                next,
                count,
            } => {
                *count += 1;
                if recent.len() < MAX_RECENT {
                    recent.push(digest);
                } else {
                    // A stored profile may hold any number.
                    let place = *next % MAX_RECENT;
                    recent[place] = digest;
                    *next = place + 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::digest::DigestKey;

    fn scalar(text: &str) -> ScalarFacts {
        ScalarFacts::of_text(text, &DigestKey::new(&[1; 32]), 0)
    }

    fn learned(texts: impl IntoIterator<Item = String>) -> Values {
        let mut values = Values::default();
        for text in texts {
            values.learn(&scalar(&text), true);
        }
        values
    }

    #[test]
    fn distinct_values_are_counted_while_they_are_few() {
        let number = |count: usize| move |index: usize| format!("a{}", index % count);
        let few = learned((0..100).map(number(16)));
        assert_eq!(few.distinct(), Some(16));
        assert_eq!(few.words(), Some(100));
        assert!(few.unique().is_none());
        let many = learned((0..100).map(number(17)));
        assert_eq!(many.distinct(), None);
        assert!(many.few.is_empty());
    }

    #[test]
    fn values_are_unique_until_one_comes_again() {
        let mut values = learned((0..5_000).map(|index| format!("id-{index}")));
        assert_eq!(values.unique(), Some(5_000));
        let Unique::Tracked { recent, .. } = &values.unique else {
            panic!("not tracked");
        };
        assert_eq!(recent.len(), MAX_RECENT);
        values.learn(&scalar("id-4999"), true);
        assert_eq!(values.unique(), None);
        values.learn(&scalar("id-5000"), true);
        assert_eq!(values.unique(), None, "for good");
    }

    #[test]
    fn a_placeholder_or_a_long_text_is_not_unique() {
        for odd in ["null".to_owned(), "x".repeat(1_000)] {
            let values = learned(["id-1".to_owned(), odd]);
            assert_eq!(values.unique(), None);
        }
        let mut values = learned(["id-1".to_owned()]);
        values.learn_nothing();
        assert_eq!(values.unique(), None);
        assert_eq!(values.words(), None);
    }

    #[test]
    fn comparing_begins_only_with_permission() {
        let mut values = Values::default();
        values.learn(&scalar("id-1"), false);
        assert!(!values.is_tracked());
        values.learn(&scalar("id-2"), true);
        assert_eq!(values.unique(), Some(1));
    }
}
