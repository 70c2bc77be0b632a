//! The health of a destination, as far as this gate knows it.
//!
//! While a destination is down, one delivery at a time probes it. Once it is back, the number of
//! attempts at once grows by one with each response.

use std::time::Duration;

use super::backoff::Backoff;
use crate::runtime::clock::{Millis, millis};

/// The longest time between two probes.
const LONGEST: Duration = Duration::from_secs(60);

/// The longest pause that a destination can ask for while it is down. A value of a day, or one in
/// milliseconds, must not stop it for so long.
const LONGEST_ASKED: Duration = Duration::from_secs(5 * 60);

/// The number of overloads in a row, without another response in between, after which a destination
/// is down.
const OVERLOADS: u32 = 3;

/// The known health of a destination.
#[derive(Debug)]
pub(super) enum Health {
    /// Nothing is known: one delivery finds out.
    Unproven,
    /// It responds. `most` attempts may run at once; each response allows one more.
    Up { most: usize, overloads: u32 },
    /// It cannot be reached, or is overloaded. One delivery probes it from `probe` on, which was
    /// `wait` away.
    Down {
        backoff: Backoff,
        probe: Millis,
        wait: Millis,
    },
}

/// The evidence of one attempt about the health of its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HealthSignal {
    /// The destination responded.
    Up,
    /// It did not respond, or asked for this pause.
    Down(Option<Duration>),
    /// It was too busy for this attempt.
    Overloaded,
    /// The attempt showed nothing.
    Unknown,
}

/// A change of a destination's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HealthChange {
    WentDown,
    CameBack,
}

impl Health {
    /// Returns how many more attempts may start, and the time from which they may.
    pub(super) fn capacity(&self, concurrency: usize, running: usize) -> (usize, Millis) {
        let one = usize::from(running == 0);
        match self {
            Self::Unproven => (one, 0),
            Self::Up { most, .. } => ((*most).min(concurrency.max(1)).saturating_sub(running), 0),
            Self::Down { probe, .. } => (one, *probe),
        }
    }

    /// Moves the next probe so that a clock that was put back does not delay it.
    pub(super) fn follow_clock(&mut self, now: Millis) {
        if let Self::Down { probe, wait, .. } = self {
            *probe = at_most(*probe, *wait, now);
        }
    }

    /// Returns whether the destination is down, so that an attempt that starts now is a probe.
    pub(super) fn is_down(&self) -> bool {
        matches!(self, Self::Down { .. })
    }

    /// Takes up the signal of an attempt. `probed` states that the attempt began while the
    /// destination was down; the failures of other attempts are then no news.
    pub(super) fn observe(
        &mut self,
        signal: HealthSignal,
        probed: bool,
        now: Millis,
    ) -> Option<HealthChange> {
        self.follow_clock(now);
        match signal {
            HealthSignal::Up => self.observe_up(),
            HealthSignal::Down(asked) => {
                let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
                self.observe_down(millis(asked), probed, now)
            }
            HealthSignal::Overloaded => self.observe_overload(now),
            HealthSignal::Unknown => None,
        }
    }

    fn observe_up(&mut self) -> Option<HealthChange> {
        let (most, change) = match self {
            Self::Down { .. } => (1, Some(HealthChange::CameBack)),
            Self::Unproven => (2, None),
            Self::Up { most, .. } => (most.saturating_add(1), None),
        };
        *self = Self::Up { most, overloads: 0 };
        change
    }

    /// Limits the number of attempts at once to the configured one, so that an overload halves the
    /// number of attempts that really ran.
    pub(super) fn bound(&mut self, concurrency: usize) {
        if let Self::Up { most, .. } = self {
            *most = (*most).min(concurrency.max(1));
        }
    }

    /// Halves the number of attempts at once. After too many overloads in a row, the destination is
    /// down.
    fn observe_overload(&mut self, now: Millis) -> Option<HealthChange> {
        match self {
            Self::Up { most, overloads } if *overloads + 1 < OVERLOADS => {
                *most = (*most / 2).max(1);
                *overloads += 1;
                None
            }
            Self::Up { .. } | Self::Unproven => self.observe_down(0, false, now),
            Self::Down { .. } => None,
        }
    }

    fn observe_down(&mut self, asked: Millis, probed: bool, now: Millis) -> Option<HealthChange> {
        if let Self::Down {
            backoff,
            probe,
            wait,
        } = self
        {
            if probed {
                *probe = now + millis(backoff.failed());
            }
            *probe = (*probe).max(now + asked);
            *wait = *probe - now;
            return None;
        }
        let mut backoff = Backoff::between(Duration::from_secs(1), LONGEST);
        let wait = millis(backoff.failed()).max(asked);
        *self = Self::Down {
            backoff,
            probe: now + wait,
            wait,
        };
        Some(HealthChange::WentDown)
    }

    /// Allows a probe at once: a reload may have changed the address, or an operator asked for it.
    pub(super) fn recheck(&mut self) {
        if let Self::Down { backoff, probe, .. } = self {
            backoff.reset();
            *probe = 0;
        }
    }
}

/// Returns a due time that is `wait` away at most, also after the clock was put back.
pub(super) fn at_most(due: Millis, wait: Millis, now: Millis) -> Millis {
    due.min(now.saturating_add(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: HealthSignal = HealthSignal::Down(None);

    fn up(most: usize) -> Health {
        Health::Up { most, overloads: 0 }
    }

    #[test]
    fn one_delivery_finds_out_and_then_as_many_as_may() {
        let mut health = Health::Unproven;
        assert_eq!(health.capacity(8, 0).0, 1);
        assert_eq!(health.capacity(8, 1).0, 0);
        for most in 2..=8 {
            assert_eq!(health.observe(HealthSignal::Up, false, 0), None);
            assert_eq!(health.capacity(8, 0).0, most);
        }
        assert_eq!(health.observe(HealthSignal::Up, false, 0), None);
        assert_eq!(health.capacity(8, 0).0, 8);
        assert_eq!(health.capacity(8, 5).0, 3);
        assert_eq!(health.capacity(8, 9).0, 0, "fewer are allowed than were");
    }

    #[test]
    fn an_overload_halves_the_attempts_at_once() {
        let mut health = up(8);
        health.bound(6);
        for most in [3, 1] {
            assert_eq!(health.observe(HealthSignal::Overloaded, false, 0), None);
            assert_eq!(health.capacity(8, 0).0, most);
        }
        assert_eq!(health.observe(HealthSignal::Up, false, 0), None);
        assert_eq!(health.capacity(8, 0).0, 2);
        assert_eq!(health.observe(HealthSignal::Overloaded, false, 0), None);
        assert_eq!(health.observe(HealthSignal::Overloaded, false, 0), None);
        let third = health.observe(HealthSignal::Overloaded, false, 0);
        assert_eq!(
            third,
            Some(HealthChange::WentDown),
            "nothing else came back"
        );
        let first = Health::Unproven.observe(HealthSignal::Overloaded, false, 0);
        assert_eq!(first, Some(HealthChange::WentDown));
    }

    #[test]
    fn a_destination_that_is_down_is_probed_ever_less_often() {
        let mut health = up(8);
        assert_eq!(
            health.observe(SILENCE, false, 0),
            Some(HealthChange::WentDown)
        );
        assert_eq!(health.observe(SILENCE, false, 500), None, "began before");
        assert_eq!(health.capacity(8, 0), (1, 1_000));
        assert_eq!(health.capacity(8, 1), (0, 1_000));
        let mut now = 1_000;
        for seconds in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(health.observe(SILENCE, true, now), None);
            assert_eq!(health.capacity(8, 0), (1, now + seconds * 1_000));
            now += seconds * 1_000;
        }
        health.recheck();
        assert!(health.capacity(8, 0).1 <= now);
        assert!(health.is_down());
        assert_eq!(
            health.observe(HealthSignal::Unknown, true, now),
            None,
            "it proved nothing"
        );
        assert!(health.is_down());
        assert_eq!(
            health.observe(HealthSignal::Up, true, now),
            Some(HealthChange::CameBack)
        );
        assert_eq!(health.capacity(8, 0).0, 1, "they follow one by one");
        assert_eq!(health.observe(HealthSignal::Up, false, now), None);
        assert_eq!(health.capacity(8, 0).0, 2);
    }

    #[test]
    fn a_clock_that_is_put_back_makes_no_wait_longer() {
        const HOUR: Millis = 3_600_000;
        let mut health = up(8);
        assert_eq!(
            health.observe(SILENCE, false, HOUR),
            Some(HealthChange::WentDown)
        );
        health.follow_clock(HOUR + 400);
        assert_eq!(health.capacity(8, 0), (1, HOUR + 1_000), "nor shorter");
        health.follow_clock(0);
        assert_eq!(health.capacity(8, 0), (1, 1_000));
        assert_eq!(health.observe(SILENCE, true, HOUR), None);
        assert_eq!(health.observe(SILENCE, false, 0), None, "began before");
        health.follow_clock(0);
        assert_eq!(health.capacity(8, 0), (1, 2_000));
    }

    #[test]
    fn it_is_left_alone_for_as_long_as_it_asks() {
        let minute = HealthSignal::Down(Some(Duration::from_secs(60)));
        let mut health = Health::Unproven;
        assert_eq!(
            health.observe(minute, false, 0),
            Some(HealthChange::WentDown)
        );
        assert_eq!(health.capacity(8, 0), (1, 60_000));
        assert_eq!(health.observe(minute, false, 5_000), None);
        assert_eq!(health.capacity(8, 0), (1, 65_000));
        assert_eq!(health.observe(SILENCE, true, 65_000), None);
        assert_eq!(health.capacity(8, 0), (1, 67_000));
    }

    #[test]
    fn it_is_left_alone_for_minutes_at_most() {
        let day = HealthSignal::Down(Some(Duration::from_secs(86_400)));
        for mut health in [Health::Unproven, up(8)] {
            for probed in [false, true] {
                health.observe(day, probed, 0);
                assert_eq!(health.capacity(8, 0), (1, 300_000));
            }
            health.recheck();
            assert_eq!(health.capacity(8, 0), (1, 0), "a command is stronger");
        }
    }
}
