//! Times in results: RFC 3339 with milliseconds, in UTC.

use std::time::UNIX_EPOCH;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    runtime::clock::{Millis, system_time},
    text::rfc3339,
};

/// Writes a time.
pub(super) fn serialize<S: Serializer>(time: &Millis, to: S) -> Result<S::Ok, S::Error> {
    text(*time).serialize(to)
}

/// Reads a time that [`serialize`] wrote.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Millis, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| de::Error::custom("expected a time of RFC 3339 in UTC"))
}

fn text(time: Millis) -> String {
    rfc3339::millis(system_time(time))
}

fn parse(text: &str) -> Option<Millis> {
    let time = humantime::parse_rfc3339(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Millis::try_from(since.as_millis()).ok()
}

pub(super) mod optional {
    //! A time that may be absent.

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    use super::{parse, text};
    use crate::runtime::clock::Millis;

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<Millis>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(text).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Millis>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let expected = || de::Error::custom("expected a time of RFC 3339 in UTC");
        text.map(|text| parse(&text).ok_or_else(expected))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_was_written_is_read_again() {
        for time in [0, 1_800_000_000_123, 253_402_300_799_999] {
            assert_eq!(parse(&text(time)), Some(time), "{}", text(time));
        }
        // A store may hold any number.
        assert_eq!(parse(&text(Millis::MAX)), Some(253_402_300_799_999));
        assert_eq!(parse("yesterday"), None);
    }
}
