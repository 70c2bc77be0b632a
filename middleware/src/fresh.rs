//! The rule that limits the age of a delivery by a time in its payload.
//!
//! The layer applies a rule only to verified bytes, because an unsigned time proves nothing. The
//! rule has no clock: the caller passes the current time.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::pointer::{Pointer, PointerError};

/// Rejects verified deliveries that are too old, by the time at a JSON pointer in the payload.
///
/// A signature does not expire, so a captured delivery can be replayed forever. The sender's own
/// retries have the same body and therefore the same time. Allow an age that covers all of them: a
/// delivery that is too old once is too old at each later attempt.
///
/// The time is an RFC 3339 string with its offset (`2026-11-24T10:00:00+01:00`), or Unix seconds as
/// a number or as a string of digits. A payload without such a time is rejected as well; otherwise
/// omitting the time would bypass the rule. Milliseconds are not detected: read as seconds, they
/// are far in the future.
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// # use tower_cartgate::{FreshRule, Staleness};
/// let rule = FreshRule::new("/sent_at", Duration::from_secs(600))?;
/// let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000);
/// let body = br#"{"sent_at":1764000000,"order":1}"#;
/// assert_eq!(rule.judge(body, sent + Duration::from_secs(600)), Ok(()));
/// assert_eq!(rule.judge(body, sent + Duration::from_secs(601)), Err(Staleness::TooOld));
/// # Ok::<(), tower_cartgate::PointerError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FreshRule {
    pointer: Pointer,
    within: Duration,
    skew: Duration,
}

impl FreshRule {
    /// The default tolerance for a sender's clock that is ahead: 1 minute.
    pub const DEFAULT_SKEW: Duration = Duration::from_secs(60);

    /// Returns a rule that accepts deliveries of at most this age, by the time at a JSON pointer
    /// (RFC 6901).
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a JSON pointer, or has more than 32 steps.
    pub fn new(pointer: &str, within: Duration) -> Result<Self, PointerError> {
        Ok(Self {
            pointer: pointer.parse()?,
            within,
            skew: Self::DEFAULT_SKEW,
        })
    }

    /// Sets the tolerance for a sender's clock that is ahead. The allowed age covers a clock that
    /// is behind.
    #[must_use]
    pub fn with_skew(self, skew: Duration) -> Self {
        Self { skew, ..self }
    }

    /// Checks that a verified body is fresh at the time `now`.
    ///
    /// Reads one value and skips the rest. Both limits are inclusive.
    ///
    /// # Errors
    ///
    /// Returns the reason why the body is not fresh. It counts as without a time if two JSON
    /// readers could see different times: a key on the path occurs twice, the body is not JSON to
    /// its end, or it is not UTF-8.
    pub fn judge(&self, body: &[u8], now: SystemTime) -> Result<(), Staleness> {
        let sent = self.sent(body).ok_or(Staleness::NoTime)?;
        match now.duration_since(sent) {
            Ok(age) if age > self.within => Err(Staleness::TooOld),
            Err(ahead) if ahead.duration() > self.skew => Err(Staleness::TooEarly),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn sent(&self, body: &[u8]) -> Option<SystemTime> {
        let since_1970 = match self.pointer.text(body, read_text) {
            Some(read) => read,
            None => read_seconds(self.pointer.number(body)?),
        };
        SystemTime::UNIX_EPOCH.checked_add(since_1970?)
    }
}

/// The reason why a verified delivery is not fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Staleness {
    /// There is no time at the pointer, or an ambiguous one.
    NoTime,
    /// The delivery is older than the rule allows.
    TooOld,
    /// The time is further in the future than clocks may differ.
    TooEarly,
}

impl fmt::Display for Staleness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTime => "there is no time at the pointer",
            Self::TooOld => "the delivery is too old",
            Self::TooEarly => "the time is in the future, or not in seconds",
        })
    }
}

impl std::error::Error for Staleness {}

/// Converts Unix seconds. A double holds today's times to less than a microsecond.
fn read_seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

fn read_text(text: &str) -> Option<Duration> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok().map(Duration::from_secs)
    } else {
        read_date(text)
    }
}

/// Parses an RFC 3339 time. The parser accepts any byte between date and time; RFC 3339 allows the
/// letter T or a space.
fn read_date(text: &str) -> Option<Duration> {
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let known = matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '));
    let seconds = u64::try_from(date.unix_timestamp())
        .ok()
        .filter(|_| known)?;
    Some(Duration::new(seconds, date.nanosecond()))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        reason = "tests: a failed unwrap is a failed test"
    )]

    use super::*;
    use Staleness::{NoTime, TooEarly, TooOld};

    /// 2026-11-24T10:00:00Z.
    const NOW: u64 = 1_795_514_400;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn rule() -> FreshRule {
        FreshRule::new("/sent_at", Duration::from_secs(600)).unwrap()
    }

    /// Judges a payload with this JSON value as its time.
    fn judge(value: &str) -> Result<(), Staleness> {
        rule().judge(format!(r#"{{"id":7,"sent_at":{value}}}"#).as_bytes(), now())
    }

    #[test]
    fn the_same_moment_can_be_written_in_many_ways() {
        for value in [
            r#""2026-11-24T10:00:00Z""#,
            r#""2026-11-24t10:00:00z""#,
            r#""2026-11-24 10:00:00Z""#,
            r#""2026-11-24T11:00:00+01:00""#,
            r#""2026-11-24T00:30:00-09:30""#,
            r#""2026-11-25T00:00:00+14:00""#,
            r#""2026-11-24T10:00:00-00:00""#,
            r#""2026-11-24T10:00:00.000Z""#,
            r#""2026-11-24T10:00:00.0000000000000Z""#,
            r#""2026\u002d11-24T10:00:00Z""#,
            "1795514400",
            "1795514400.0",
            "1.7955144e9",
            r#""1795514400""#,
        ] {
            let body = format!(r#"{{"sent_at":{value}}}"#);
            assert_eq!(rule().sent(body.as_bytes()), Some(now()), "{value}");
        }
    }

    #[test]
    fn fractions_count() {
        let nearly = Duration::from_millis(600_999);
        let rule = FreshRule::new("/0", nearly).unwrap();
        let later = now() + Duration::from_secs(601);
        for (value, verdict) in [
            (r#"["2026-11-24T10:00:00Z"]"#, Err(TooOld)),
            (r#"["2026-11-24T10:00:00.0005Z"]"#, Err(TooOld)),
            (r#"["2026-11-24T10:00:00.001Z"]"#, Ok(())),
            ("[1795514400]", Err(TooOld)),
            ("[1795514400.0005]", Err(TooOld)),
            ("[1795514400.0015]", Ok(())),
        ] {
            assert_eq!(rule.judge(value.as_bytes(), later), verdict, "{value}");
        }
    }

    #[test]
    fn both_edges_are_within() {
        for (value, verdict) in [
            ("1795513799", Err(TooOld)),
            ("1795513800", Ok(())),
            ("1795514460", Ok(())),
            ("1795514461", Err(TooEarly)),
            (r#""2026-11-24T09:49:59.999999999Z""#, Err(TooOld)),
            (r#""2026-11-24T09:50:00Z""#, Ok(())),
            (r#""2026-11-24T10:01:00Z""#, Ok(())),
            (r#""2026-11-24T10:01:00.000000001Z""#, Err(TooEarly)),
        ] {
            assert_eq!(judge(value), verdict, "{value}");
        }
        let strict = rule().with_skew(Duration::ZERO);
        let body = |seconds: u64| format!(r#"{{"sent_at":{seconds}}}"#);
        assert_eq!(strict.judge(body(NOW).as_bytes(), now()), Ok(()));
        assert_eq!(strict.judge(body(NOW + 1).as_bytes(), now()), Err(TooEarly));
    }

    #[test]
    fn old_times_and_milliseconds_are_out_of_range() {
        for (value, verdict) in [
            ("0", Err(TooOld)),
            ("-0", Err(TooOld)),
            (r#""1970-01-01T00:00:00Z""#, Err(TooOld)),
            (r#""2025-11-24T10:00:00Z""#, Err(TooOld)),
            ("1795514400000", Err(TooEarly)),
            (r#""1795514400000""#, Err(TooEarly)),
            (r#""9999-12-31T23:59:59Z""#, Err(TooEarly)),
        ] {
            assert_eq!(judge(value), verdict, "{value}");
        }
    }

    #[test]
    fn other_values_are_no_time() {
        for value in [
            "null",
            "true",
            "[1795514400]",
            r#"{"sent_at":1795514400}"#,
            "-1",
            "-1795514400",
            "1e300",
            "1e999",
            r#""""#,
            r#"" ""#,
            r#""now""#,
            r#""-1""#,
            r#""+1795514400""#,
            r#""1795514400.0""#,
            r#""1.7955144e9""#,
            r#"" 1795514400""#,
            r#""1795514400 ""#,
            r#""99999999999999999999999""#,
            r#""18446744073709551615""#,
            r#""١٧٩٥٥١٤٤٠٠""#,
            r#""2026-11-24""#,
            r#""2026-11-24T10:00:00""#,
            r#""2026-11-24T10:00Z""#,
            r#""2026-11-24x10:00:00Z""#,
            r#""2026-11-24T10:00:00,5Z""#,
            r#""2026-11-24T10:00:00.Z""#,
            r#""2026-11-24T10:00:00+0100""#,
            r#""2026-11-24T10:00:00+01""#,
            r#""2026-11-24T10:00:00+24:00""#,
            r#""2026-11-24T10:00:00+01:60""#,
            r#""2026-11-24T10:00:00Z[Europe/Berlin]""#,
            r#""2026-11-24T10:00:00 Z""#,
            r#"" 2026-11-24T10:00:00Z""#,
            r#""2026-11-24T10:00:00Z\n""#,
            r#""2026-02-29T10:00:00Z""#,
            r#""2026-13-24T10:00:00Z""#,
            r#""2026-11-24T24:00:00Z""#,
            r#""2026-11-24T10:00:60Z""#,
            r#""20261124T100000Z""#,
            r#""+002026-11-24T10:00:00Z""#,
            r#""1969-12-31T23:59:59Z""#,
            r#""Tue, 24 Nov 2026 10:00:00 GMT""#,
        ] {
            assert_eq!(judge(value), Err(NoTime), "{value}");
        }
    }

    #[test]
    fn where_two_readers_could_disagree_there_is_no_time() {
        for body in [
            &br#"{"sent_at":1795514400,"sent_at":1795514400}"#[..],
            br#"{"sent_at":1795514400,"sent_at":"1795514400"}"#,
            br#"{"sent_at":"1795514400","sent_at":1795514400}"#,
            br#"{"sent_at":1795514400,"\u0073ent_at":0}"#,
            br#"{"sent_at":1795514400"#,
            br#"{"sent_at":1795514400,}"#,
            br#"{"sent_at":1795514400}{}"#,
            br#"{"sent_at":01795514400}"#,
            br#"{"sent_at":+1795514400}"#,
            br#"{"sent_at":1795514400.}"#,
            b"{\"sent_at\":1795514400,\"x\":\"\xFF\"}",
            b"\xEF\xBB\xBF{\"sent_at\":1795514400}",
            br#"{"Sent_at":1795514400}"#,
            br#"{"x":{"sent_at":1795514400}}"#,
            br#"["sent_at",1795514400]"#,
            b"sent_at=1795514400",
            b"1795514400",
            b"",
        ] {
            assert_eq!(
                rule().judge(body, now()),
                Err(NoTime),
                "{}",
                body.escape_ascii()
            );
        }
    }

    #[test]
    fn the_pointer_leads_to_one_value_and_skips_the_rest() {
        let rule = |pointer| FreshRule::new(pointer, Duration::ZERO).unwrap();
        for (pointer, body) in [
            ("", "1795514400"),
            ("/meta/0/sent~1at", r#"{"meta":[{"sent/at":1795514400}]}"#),
            (
                "/sent_at",
                r#"{"x":1,"x":[2,{}],"sent_at":1795514400,"y":1e999}"#,
            ),
        ] {
            assert_eq!(
                rule(pointer).judge(body.as_bytes(), now()),
                Ok(()),
                "{body}"
            );
        }
        assert_eq!(
            FreshRule::new("sent_at", Duration::ZERO).unwrap_err(),
            PointerError::NoSlash
        );
    }
}
