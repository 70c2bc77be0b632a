//! Counts of names, for a bounded number of them.

use serde::{Deserialize, Serialize};

/// The largest number of names.
const MAX_NAMES: usize = 64;

/// The longest name in bytes.
const LONGEST: usize = 64;

/// A name is rare if fewer than one in so many deliveries have it. A rare name gives way to a new
/// one.
const RARE: u64 = 100;

/// The names of one kind that the deliveries of an endpoint have.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::profile) struct Names(Vec<(Box<str>, u64)>);

impl Names {
    /// Counts a name in one of so many deliveries. Ignores it if it is too long, or if there is no
    /// room.
    pub(in crate::profile) fn add(&mut self, name: &str, deliveries: u64) {
        if let Some((_, count)) = self.0.iter_mut().find(|(known, _)| **known == *name) {
            *count += 1;
            return;
        }
        if self.0.len() >= MAX_NAMES {
            let limit = deliveries / RARE;
            self.0.retain(|(_, count)| *count > limit);
        }
        if self.0.len() < MAX_NAMES && name.len() <= LONGEST {
            self.0.push((name.into(), 1));
        }
    }

    /// Returns the names with their counts, the most frequent first.
    pub(in crate::profile) fn by_count(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|(name, count)| (&**name, *count))
            .collect();
        all.sort_by(|(name, count), (other, more)| more.cmp(count).then(name.cmp(other)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_frequent_ones_stay() {
        let mut names = Names::default();
        for delivery in 1..=1_000 {
            names.add("host", delivery);
            names.add(&format!("x-{delivery}"), delivery);
        }
        names.add(&"x".repeat(65), 1_001);
        assert!(names.0.len() <= MAX_NAMES);
        let all = names.by_count();
        assert_eq!(all[0], ("host", 1_000));
        assert!(all.iter().any(|(name, _)| *name == "x-1000"));
        assert!(all.iter().all(|(name, _)| name.len() <= LONGEST));
    }
}
