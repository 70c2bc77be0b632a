//! The rhythm of deliveries: how long the pauses between them usually are.

use serde::{Deserialize, Serialize};

use crate::runtime::clock::Millis;

const HOUR: Millis = 60 * 60 * 1_000;

const WEEK: Millis = 7 * 24 * HOUR;

/// The number of weeks that are kept. A shop's rhythm of last season is of no use.
const WEEKS: usize = 5;

/// The time after which the rhythm is known: it includes weekends.
const KNOWN_AFTER: Millis = 2 * WEEK;

/// The number of pauses without which there is no rhythm.
const ENOUGH: u64 = 20;

/// The shortest silence that is unusual.
const SHORTEST: Millis = HOUR;

/// The pauses between the deliveries of one endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pauses {
    count: u64,
    /// The longest pause that ended in each of the last weeks, the latest week first.
    weeks: Vec<(Millis, Millis)>,
}

/// The rhythm of an endpoint's deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rhythm {
    /// The time of the last delivery.
    pub(crate) last: Option<Millis>,
    /// The time without a delivery that is unusual; none while the rhythm is unknown.
    pub(crate) silence: Option<Millis>,
}

impl Pauses {
    /// Learns a delivery and the one before it.
    pub(super) fn add(&mut self, before: Millis, received: Millis) {
        let pause = received.saturating_sub(before).max(0);
        self.count = self.count.saturating_add(1);
        let week = received.div_euclid(WEEK);
        match self.weeks.iter_mut().find(|(known, _)| *known == week) {
            Some((_, longest)) => *longest = pause.max(*longest),
            None => {
                self.weeks.push((week, pause));
                self.weeks.sort_by_key(|(week, _)| std::cmp::Reverse(*week));
                self.weeks.truncate(WEEKS);
            }
        }
    }

    /// Returns the time without a delivery that is unusual at this time: twice the longest pause,
    /// where the week with the longest one does not count. An outage that was an alarm is therefore
    /// one the next time, too.
    pub(super) fn silence(&self, first: Millis, now: Millis) -> Option<Millis> {
        if self.count < ENOUGH || now.saturating_sub(first) < KNOWN_AFTER {
            return None;
        }
        let mut longest: Vec<_> = self.weeks.iter().map(|(_, longest)| *longest).collect();
        longest.sort_unstable();
        let usual = longest.iter().rev().nth(1)?;
        Some(usual.saturating_mul(2).max(SHORTEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginning of a week.
    const START: Millis = 3_000 * WEEK;

    /// Learns deliveries at these times after the start. Returns the unusual silence at the last one.
    fn learned(times: impl IntoIterator<Item = Millis>) -> Option<Millis> {
        let mut pauses = Pauses::default();
        let mut last = START;
        for time in times {
            pauses.add(last, START + time);
            last = START + time;
        }
        pauses.silence(START, last)
    }

    /// Returns a delivery every hour by day, and none from 20 h to 8 h.
    fn days(from: Millis, to: Millis) -> impl Iterator<Item = Millis> {
        let hours = (from..to).flat_map(|day| (8..=20).map(move |hour| day * 24 + hour));
        hours.map(|hour| hour * HOUR)
    }

    #[test]
    fn a_night_is_usual_and_a_day_is_not() {
        assert_eq!(learned(days(0, 21)), Some(24 * HOUR));
    }

    #[test]
    fn nothing_is_unusual_before_the_rhythm_is_known() {
        assert_eq!(learned(days(0, 13)), None);
        assert_eq!(learned([0, WEEK, 2 * WEEK, 3 * WEEK]), None, "too few");
    }

    #[test]
    fn one_outage_does_not_become_usual() {
        assert_eq!(learned(days(0, 16).chain(days(20, 28))), Some(24 * HOUR));
    }

    #[test]
    fn a_busy_shop_may_pause_for_an_hour() {
        let minutes = (0..21 * 24 * 60).map(|minute| minute * 60_000);
        assert_eq!(learned(minutes), Some(SHORTEST));
    }

    #[test]
    fn the_weeks_are_bounded_and_clocks_may_be_wrong() {
        let mut pauses = Pauses::default();
        for week in 0..100 {
            pauses.add(START, START + week * WEEK);
            pauses.add(START + week * WEEK, START);
        }
        assert!(pauses.weeks.len() <= WEEKS);
        pauses.add(Millis::MIN, Millis::MAX);
        pauses.add(Millis::MAX, Millis::MIN);
        let _ = pauses.silence(Millis::MIN, Millis::MAX);
    }
}
