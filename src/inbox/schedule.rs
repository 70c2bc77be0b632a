//! The schedule of retries. Time and randomness are passed in.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

/// The longest wait that an app may ask for. A value of a day, or one in milliseconds, must not
/// delay an event for so long.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The fraction by which a wait may grow, so that events that failed together are not retried
/// together.
const JITTER: f64 = 0.2;

/// The waits between the attempts at one destination. If the attempt after the last wait fails,
/// too, the event becomes a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    waits: Vec<Duration>,
}

impl Schedule {
    /// Makes a schedule of these waits; without waits there is a single attempt.
    #[must_use]
    pub fn new(waits: Vec<Duration>) -> Self {
        Self { waits }
    }

    /// Returns the waits.
    #[must_use]
    pub fn waits(&self) -> &[Duration] {
        &self.waits
    }

    /// Returns the wait after a number of failed attempts, or none at the end of the schedule. The
    /// wait grows by `fraction`, which lies between 0 and 1, of the jitter, and is as long as
    /// `least`.
    pub(crate) fn wait(
        &self,
        attempts: u32,
        least: Option<Duration>,
        fraction: f64,
    ) -> Option<Duration> {
        let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
        let wait = self.waits.get(index)?;
        let longer = wait.mul_f64(JITTER * fraction.clamp(0.0, 1.0));
        Some(wait.saturating_add(longer).max(least.unwrap_or_default()))
    }
}

impl Default for Schedule {
    /// Returns 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h: somewhat over a day, as other senders of
    /// webhooks do.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let seconds = [
            5,
            5 * MINUTE,
            30 * MINUTE,
            2 * HOUR,
            5 * HOUR,
            10 * HOUR,
            10 * HOUR,
        ];
        Self::new(seconds.map(Duration::from_secs).to_vec())
    }
}

/// Returns the wait that a response asks for (RFC 9110, section 10.2.3), up to an hour.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is a long time.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        until.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::UNIX_EPOCH;

    use http::HeaderValue;

    const SECOND: Duration = Duration::from_secs(1);

    fn asked(text: &str) -> Option<Duration> {
        let value = HeaderValue::from_str(text).expect("a value");
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
    }

    #[test]
    fn a_wait_grows_by_chance_and_by_what_the_app_asks_for() {
        let schedule = Schedule::new(vec![10 * SECOND, 100 * SECOND]);
        let wait = |attempts, least, chance| schedule.wait(attempts, least, chance);
        assert_eq!(wait(1, None, 0.0), Some(10 * SECOND));
        assert_eq!(wait(1, None, 0.5), Some(11 * SECOND));
        assert_eq!(wait(2, None, 1.0), Some(120 * SECOND));
        assert_eq!(wait(1, Some(SECOND), 0.5), Some(11 * SECOND));
        assert_eq!(wait(1, Some(60 * SECOND), 0.5), Some(60 * SECOND));
        for past in [3, 4, u32::MAX] {
            assert_eq!(wait(past, Some(60 * SECOND), 0.0), None, "used up");
        }
        assert_eq!(Schedule::new(Vec::new()).wait(1, None, 0.0), None);
    }

    #[test]
    fn the_default_takes_a_day_and_a_bit() {
        let all: Duration = Schedule::default().waits().iter().sum();
        assert_eq!(all, Duration::from_secs(99_305));
    }

    #[test]
    fn an_app_asks_in_seconds_or_by_a_date_for_an_hour_at_most() {
        assert_eq!(asked("120"), Some(120 * SECOND));
        assert_eq!(asked(" 0 "), Some(Duration::ZERO));
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60 * SECOND));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        for long in [
            "3601",
            "86400",
            "120000",
            "99999999999999999999999",
            "Sun, 06 Nov 2044 08:50:37 GMT",
        ] {
            assert_eq!(asked(long), Some(LONGEST), "{long}");
        }
        for wrong in ["", "-1", "+1", "1.5", "soon", "1 2", "\u{e9}"] {
            assert_eq!(asked(wrong), None, "{wrong}");
        }
    }
}
