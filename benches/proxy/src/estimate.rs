//! The median of samples, with a 95 % interval.

use std::fmt;

/// A median and the interval in which the true median lies with a probability of 95 %.
///
/// The interval ends at two of the sorted samples, so that it assumes nothing about their
/// distribution: a sample is above the true median with a probability of one half, and the
/// binomial distribution of this number determines which two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) median: f64,
    /// `None` for fewer than six samples, which have no such interval.
    pub(crate) interval: Option<(f64, f64)>,
}

/// The greatest probability that the interval lacks the true median.
const ERROR: f64 = 0.05;

impl Estimate {
    /// Estimates the median, if there is a sample.
    pub(crate) fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let interval = outer_samples(sorted.len())
            .map(|outer| (sorted[outer], sorted[sorted.len() - 1 - outer]));
        Some(Self {
            median: median(&sorted)?,
            interval,
        })
    }

    /// Estimates the ratio of two quantities from the ratios within each round. A machine that is
    /// slower in one round slows both.
    pub(crate) fn of_ratio(own: &[f64], base: &[f64]) -> Option<Self> {
        let rounds = own.iter().zip(base).filter(|(_, base)| **base > 0.0);
        Self::of(&rounds.map(|(own, base)| own / base).collect::<Vec<_>>())
    }

    /// Returns the estimate of the reciprocal.
    pub(crate) fn inverse(self) -> Self {
        Self {
            median: 1.0 / self.median,
            interval: self.interval.map(|(low, high)| (1.0 / high, 1.0 / low)),
        }
    }

    /// Whether a ratio differs from one. Without an interval, nothing is known.
    pub(crate) fn differs(&self) -> bool {
        self.interval
            .is_some_and(|(low, high)| low > 1.0 || high < 1.0)
    }

    /// Returns the largest distance of a ratio's interval from one.
    pub(crate) fn distance(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        Some((1.0 - low).max(high - 1.0))
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.median)?;
        match self.interval {
            Some((low, high)) => write!(f, " ({low:.2} to {high:.2})"),
            None => Ok(()),
        }
    }
}

/// Returns the median of sorted samples.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[middle - 1], upper))
}

/// Returns the number of samples to leave out on each side of the interval.
fn outer_samples(count: usize) -> Option<usize> {
    // The probability that exactly `below` samples, and then at most so many, are below the median.
    let mut exactly = 0.5_f64.powi(i32::try_from(count).ok()?);
    let mut at_most = exactly;
    let mut outer = None;
    for below in 0..count / 2 {
        if 2.0 * at_most > ERROR {
            break;
        }
        outer = Some(below);
        exactly *= (count - below) as f64 / (below + 1) as f64;
        at_most += exactly;
    }
    outer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_of_the_middle() {
        let median = |samples: &[f64]| Estimate::of(samples).map(|one| one.median);
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 100.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 100.0, 2.0]), Some(3.0));
    }

    #[test]
    fn intervals_are_those_of_published_tables() {
        // The ranks of the lower end, from one: 1 of 6, 2 of 9, 6 of 20, 8 of 25, 10 of 31.
        let ranks = [5, 6, 8, 9, 20, 25, 31].map(|count| outer_samples(count).map(|one| one + 1));
        let expected = [None, Some(1), Some(1), Some(2), Some(6), Some(8), Some(10)];
        assert_eq!(ranks, expected);
        let nine: Vec<f64> = (1..=9).map(f64::from).collect();
        let estimate = Estimate::of(&nine).expect("samples");
        assert_eq!(estimate.interval, Some((2.0, 8.0)));
    }

    #[test]
    fn a_round_that_is_slow_for_both_changes_no_ratio() {
        let base = [10.0, 11.0, 40.0, 10.0, 12.0, 10.0];
        let own = base.map(|one| one * 0.9);
        let ratio = Estimate::of_ratio(&own, &base).expect("rounds");
        assert!(ratio.differs(), "{ratio}");
        assert_eq!(ratio.to_string(), "0.90 (0.90 to 0.90)");
        assert_eq!(ratio.inverse().to_string(), "1.11 (1.11 to 1.11)");
    }

    #[test]
    fn an_interval_around_one_is_no_difference() {
        let ratio = Estimate::of(&[0.7, 0.9, 0.9, 0.95, 0.97, 1.01]).expect("samples");
        assert!(!ratio.differs());
        assert!((ratio.distance().expect("six samples") - 0.3).abs() < 1e-9);
        let few = Estimate::of(&[0.5, 0.5]).expect("samples");
        assert!(!few.differs());
        assert_eq!(few.to_string(), "0.50");
    }
}
