//! Whether a destination can be reached, as far as this gate knows. While it is down, one delivery
//! at a time finds out whether it is back. Once it is back, more follow one by one.

use std::time::Duration;

use super::backoff::Backoff;
use crate::runtime::clock::{Millis, millis};

/// The longest time between two probes.
const LONGEST: Duration = Duration::from_secs(60);

/// The longest time for which a destination that is down can ask to be left alone. A value of a day,
/// or one in milliseconds, must not stop it for so long.
const LONGEST_ASKED: Duration = Duration::from_secs(5 * 60);

/// So many overloads in a row, without another response in between, mean that a destination is down.
const OVERLOADS: u32 = 3;

/// What is known of a destination.
#[derive(Debug)]
pub(super) enum Health {
    /// Nothing yet: one delivery finds out.
    Unproven,
    /// It responds. `most` attempts may be under way at once; each response allows one more.
    Up { most: usize, overloads: u32 },
    /// It cannot be reached, or is overloaded: it is tried again, by one delivery, from `probe` on, which was `wait` away.
    Down {
        backoff: Backoff,
        probe: Millis,
        wait: Millis,
    },
}

/// What an attempt has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It responds.
    Life,
    /// It does not, or asks to be left alone for so long.
    Silence(Option<Duration>),
    /// It has too much to do for this one.
    Overload,
    /// Nothing.
    None,
}

/// What has changed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    WentDown,
    CameBack,
}

impl Health {
    /// How many more attempts may be under way, and from when on.
    pub(super) fn room(&self, concurrency: usize, under_way: usize) -> (usize, Millis) {
        let one = usize::from(under_way == 0);
        match self {
            Self::Unproven => (one, 0),
            Self::Up { most, .. } => ((*most).min(concurrency.max(1)).saturating_sub(under_way), 0),
            Self::Down { probe, .. } => (one, *probe),
        }
    }

    /// Has a clock that was put back hold up no probe.
    pub(super) fn follow_clock(&mut self, now: Millis) {
        if let Self::Down { probe, wait, .. } = self {
            *probe = at_most(*probe, *wait, now);
        }
    }

    /// Whether an attempt that begins now is to find out if the destination is back.
    pub(super) fn is_down(&self) -> bool {
        matches!(self, Self::Down { .. })
    }

    /// Takes up what an attempt has shown; `probed` if it began while the destination was down. Others that fail then
    /// began before, and tell nothing new.
    pub(super) fn saw(&mut self, sign: Sign, probed: bool, now: Millis) -> Option<Change> {
        self.follow_clock(now);
        match sign {
            Sign::Life => self.saw_life(),
            Sign::Silence(asked) => {
                let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
                self.saw_silence(millis(asked), probed, now)
            }
            Sign::Overload => self.saw_overload(now),
            Sign::None => None,
        }
    }

    fn saw_life(&mut self) -> Option<Change> {
        let (most, change) = match self {
            Self::Down { .. } => (1, Some(Change::CameBack)),
            Self::Unproven => (2, None),
            Self::Up { most, .. } => (most.saturating_add(1), None),
        };
        *self = Self::Up { most, overloads: 0 };
        change
    }

    /// Lets no more attempts be under way at once than may be at all: an overload then halves the number that there are.
    pub(super) fn bound(&mut self, concurrency: usize) {
        if let Self::Up { most, .. } = self {
            *most = (*most).min(concurrency.max(1));
        }
    }

    /// Halves the number of attempts at once, until there were too many overloads in a row.
    fn saw_overload(&mut self, now: Millis) -> Option<Change> {
        match self {
            Self::Up { most, overloads } if *overloads + 1 < OVERLOADS => {
                *most = (*most / 2).max(1);
                *overloads += 1;
                None
            }
            Self::Up { .. } | Self::Unproven => self.saw_silence(0, false, now),
            Self::Down { .. } => None,
        }
    }

    fn saw_silence(&mut self, asked: Millis, probed: bool, now: Millis) -> Option<Change> {
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
        Some(Change::WentDown)
    }

    /// Has a destination that is down tried at once: its address may have changed, or an operator knows more.
    pub(super) fn recheck(&mut self) {
        if let Self::Down { backoff, probe, .. } = self {
            backoff.reset();
            *probe = 0;
        }
    }
}

/// Returns the time at which something is due that waits for `wait`. After the clock was put back, the
/// time is no further away than the wait.
pub(super) fn at_most(due: Millis, wait: Millis, now: Millis) -> Millis {
    due.min(now.saturating_add(wait))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Sign = Sign::Silence(None);

    fn up(most: usize) -> Health {
        Health::Up { most, overloads: 0 }
    }

    #[test]
    fn one_delivery_finds_out_and_then_as_many_as_may() {
        let mut health = Health::Unproven;
        assert_eq!(health.room(8, 0).0, 1);
        assert_eq!(health.room(8, 1).0, 0);
        for most in 2..=8 {
            assert_eq!(health.saw(Sign::Life, false, 0), None);
            assert_eq!(health.room(8, 0).0, most);
        }
        assert_eq!(health.saw(Sign::Life, false, 0), None);
        assert_eq!(health.room(8, 0).0, 8);
        assert_eq!(health.room(8, 5).0, 3);
        assert_eq!(health.room(8, 9).0, 0, "fewer are allowed than were");
    }

    #[test]
    fn an_overload_halves_the_attempts_at_once() {
        let mut health = up(8);
        health.bound(6);
        for most in [3, 1] {
            assert_eq!(health.saw(Sign::Overload, false, 0), None);
            assert_eq!(health.room(8, 0).0, most);
        }
        assert_eq!(health.saw(Sign::Life, false, 0), None);
        assert_eq!(health.room(8, 0).0, 2);
        assert_eq!(health.saw(Sign::Overload, false, 0), None);
        assert_eq!(health.saw(Sign::Overload, false, 0), None);
        let third = health.saw(Sign::Overload, false, 0);
        assert_eq!(third, Some(Change::WentDown), "nothing else came back");
        let first = Health::Unproven.saw(Sign::Overload, false, 0);
        assert_eq!(first, Some(Change::WentDown));
    }

    #[test]
    fn a_destination_that_is_down_is_probed_ever_less_often() {
        let mut health = up(8);
        assert_eq!(health.saw(SILENCE, false, 0), Some(Change::WentDown));
        assert_eq!(health.saw(SILENCE, false, 500), None, "began before");
        assert_eq!(health.room(8, 0), (1, 1_000));
        assert_eq!(health.room(8, 1), (0, 1_000));
        let mut now = 1_000;
        for seconds in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(health.saw(SILENCE, true, now), None);
            assert_eq!(health.room(8, 0), (1, now + seconds * 1_000));
            now += seconds * 1_000;
        }
        health.recheck();
        assert!(health.room(8, 0).1 <= now);
        assert!(health.is_down());
        assert_eq!(health.saw(Sign::None, true, now), None, "it proved nothing");
        assert!(health.is_down());
        assert_eq!(health.saw(Sign::Life, true, now), Some(Change::CameBack));
        assert_eq!(health.room(8, 0).0, 1, "they follow one by one");
        assert_eq!(health.saw(Sign::Life, false, now), None);
        assert_eq!(health.room(8, 0).0, 2);
    }

    #[test]
    fn a_clock_that_is_put_back_makes_no_wait_longer() {
        const HOUR: Millis = 3_600_000;
        let mut health = up(8);
        assert_eq!(health.saw(SILENCE, false, HOUR), Some(Change::WentDown));
        health.follow_clock(HOUR + 400);
        assert_eq!(health.room(8, 0), (1, HOUR + 1_000), "nor shorter");
        health.follow_clock(0);
        assert_eq!(health.room(8, 0), (1, 1_000));
        assert_eq!(health.saw(SILENCE, true, HOUR), None);
        assert_eq!(health.saw(SILENCE, false, 0), None, "began before");
        health.follow_clock(0);
        assert_eq!(health.room(8, 0), (1, 2_000));
    }

    #[test]
    fn it_is_left_alone_for_as_long_as_it_asks() {
        let minute = Sign::Silence(Some(Duration::from_secs(60)));
        let mut health = Health::Unproven;
        assert_eq!(health.saw(minute, false, 0), Some(Change::WentDown));
        assert_eq!(health.room(8, 0), (1, 60_000));
        assert_eq!(health.saw(minute, false, 5_000), None);
        assert_eq!(health.room(8, 0), (1, 65_000));
        assert_eq!(health.saw(SILENCE, true, 65_000), None);
        assert_eq!(health.room(8, 0), (1, 67_000));
    }

    #[test]
    fn it_is_left_alone_for_minutes_at_most() {
        let day = Sign::Silence(Some(Duration::from_secs(86_400)));
        for mut health in [Health::Unproven, up(8)] {
            for probed in [false, true] {
                health.saw(day, probed, 0);
                assert_eq!(health.room(8, 0), (1, 300_000));
            }
            health.recheck();
            assert_eq!(health.room(8, 0), (1, 0), "a command is stronger");
        }
    }
}
