//! The parsers of single values. The file and the flags call the same functions, so both accept the
//! same texts. An error states what was expected and never repeats the text, which may be a secret.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use http::{HeaderName, Method, header};
use tower_cartgate::{EventRule, SecretName};

use crate::endpoint::PathRule;

/// The longest time. A longer one could exceed what a point in time can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The largest number of concurrent attempts. Each holds a connection to the app and an event in
/// memory.
pub(crate) const MOST_CONCURRENT: u64 = 1000;

/// Parses a time of at least a millisecond.
///
/// # Errors
///
/// If the text is no duration, is zero, or is longer than a year.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        zero if zero.as_millis() == 0 => Err("expected at least 1ms".into()),
        time => Ok(time),
    }
}

/// Parses a time that may be zero.
///
/// # Errors
///
/// If the text is no duration, or is longer than a year.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time <= LONGEST => Ok(time),
        Ok(_) => Err("expected a year at most".into()),
        Err(_) => Err("expected a duration with its unit, such as 500ms, 10s or 1h 30m".into()),
    }
}

/// Writes a time in the largest unit that divides it: `75s`, `5m`.
pub(crate) fn write_time(time: &Duration) -> String {
    const UNITS: [(u128, &str); 5] = [
        (24 * 60 * 60 * 1000, "d"),
        (60 * 60 * 1000, "h"),
        (60 * 1000, "m"),
        (1000, "s"),
        (1, "ms"),
    ];
    let millis = time.as_millis();
    if time.is_zero() {
        return "0s".to_owned();
    }
    if !time.subsec_nanos().is_multiple_of(1_000_000) {
        return humantime::format_duration(*time).to_string();
    }
    let unit = UNITS.iter().find(|(unit, _)| millis.is_multiple_of(*unit));
    let (unit, name) = unit.expect("one millisecond divides every whole number of milliseconds");
    format!("{}{name}", millis / unit)
}

/// Parses a number of bytes: `1MiB`, `64KiB`, `4096`.
///
/// # Errors
///
/// If the text is no size, or one that does not fit.
pub(crate) fn size<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let size = text.parse::<ByteSize>().ok();
    size.and_then(|size| T::try_from(size.as_u64()).ok())
        .ok_or_else(|| "expected a size, such as 64KiB, 1MiB or a number of bytes".into())
}

/// Writes a number of bytes in the largest unit that divides it: `64KiB`, `1000`.
pub(crate) fn write_size<T: TryInto<u64> + Copy>(size: &T) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    let bytes: u64 = (*size).try_into().unwrap_or(u64::MAX);
    let unit = UNITS
        .iter()
        .find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(
        || bytes.to_string(),
        |(unit, name)| format!("{}{name}", bytes / unit),
    )
}

/// Parses the size of a request head.
///
/// # Errors
///
/// If no request would fit, or the size helps an attacker.
pub(crate) fn header_size(text: &str) -> Result<usize, String> {
    let size = size(text)?;
    (1024..=1024 * 1024)
        .contains(&size)
        .then_some(size)
        .ok_or_else(|| "expected between 1KiB and 1MiB".into())
}

/// Parses a method that deliveries may have, in any case: methods are case-sensitive, and `post`
/// means `POST`.
///
/// # Errors
///
/// If the text is no method, or one that is never accepted: CONNECT asks for a tunnel, TRACE
/// returns the request, and a response to HEAD lacks the body that it announces.
pub(crate) fn method(text: &str) -> Result<Method, String> {
    match text.to_ascii_uppercase().parse() {
        Ok(Method::CONNECT | Method::TRACE | Method::HEAD) => {
            Err("CONNECT, TRACE and HEAD are never accepted".into())
        }
        Ok(method) => Ok(method),
        Err(_) => Err("expected a method, such as POST".into()),
    }
}

/// Headers that frame a request, name its host or describe its body.
const RESERVED: [HeaderName; 8] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Parses the header that carries the signature.
///
/// # Errors
///
/// If the text is no header name, or the name of a header with another meaning.
pub(crate) fn signature_header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = header_name(text)?;
    if RESERVED.contains(&name) || name.as_str().starts_with("x-cartgate-") {
        return Err("this header has another meaning and cannot carry a signature".into());
    }
    Ok(name)
}

/// Parses a header name.
///
/// # Errors
///
/// If the text is none.
pub(crate) fn header_name(text: &str) -> Result<HeaderName, String> {
    let name = text.parse();
    name.map_err(|_| "expected a header name, such as x-shopify-hmac-sha256".into())
}

/// Parses the name of an endpoint or a destination.
///
/// # Errors
///
/// If the text holds anything but a few plain characters.
pub(crate) fn name(text: &str) -> Result<String, String> {
    match text.parse::<SecretName>() {
        Ok(name) => Ok(name.as_ref().to_owned()),
        Err(_) => Err("expected 1 to 64 of a-z, 0-9, `_` and `-`".into()),
    }
}

/// Parses the name of an environment variable.
///
/// # Errors
///
/// If no variable can have that name.
pub(crate) fn variable(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = text.chars().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit());
    (!text.is_empty() && is_name)
        .then(|| text.to_owned())
        .ok_or_else(|| "expected the name of an environment variable".into())
}

/// Parses the name of a file in systemd's directory of credentials.
///
/// # Errors
///
/// If the text would lead out of that directory.
pub(crate) fn credential(text: &str) -> Result<String, String> {
    let leads_out = text.contains('/') || text.starts_with('.');
    (!text.is_empty() && !leads_out)
        .then(|| text.to_owned())
        .ok_or_else(|| "expected the name of a systemd credential, without a directory".into())
}

/// Parses the path for health checks.
///
/// # Errors
///
/// If the text is no path, or every path.
pub(crate) fn health_path(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(PathRule::Exact(path)) => Ok(path),
        _ => Err("expected one path, such as /healthz".into()),
    }
}

/// Parses the path of a file or directory.
///
/// # Errors
///
/// If the text is empty.
pub(crate) fn path(text: &str) -> Result<PathBuf, String> {
    (!text.is_empty())
        .then(|| text.into())
        .ok_or_else(|| "expected the path of a file or directory".into())
}

/// Parses a JSON pointer.
///
/// # Errors
///
/// If the text is none.
pub(crate) fn pointer(text: &str) -> Result<String, String> {
    match EventRule::pointer(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Parses a number of at least 1.
///
/// # Errors
///
/// If the text is no number, is zero, or does not fit.
pub(crate) fn count<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number = text.parse::<u64>().ok().filter(|number| *number > 0);
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| "expected a number of at least 1".into())
}

/// Parses a number of concurrent attempts.
///
/// # Errors
///
/// If the text is no number, is zero, or is larger than an app should serve at a time.
pub(crate) fn concurrency(text: &str) -> Result<usize, String> {
    let number = count(text).ok();
    number
        .filter(|number| *number as u64 <= MOST_CONCURRENT)
        .ok_or_else(|| format!("expected a number from 1 to {MOST_CONCURRENT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_a_length() {
        assert_eq!(timeout("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for text in [
            "0s",
            "0.1ms",
            "10",
            "",
            "400d",
            "500000000000y",
            "-1s",
            "planted",
        ] {
            let error = timeout(text).expect_err(text);
            assert!(!error.contains("planted"));
        }
    }

    #[test]
    fn sizes_and_counts_are_numbers() {
        assert_eq!(size("1MiB"), Ok(1_u64 << 20));
        assert!(size::<u64>("many").is_err());
        assert!(header_size("1KiB").is_ok());
        for text in ["1023", "2MiB", "x"] {
            assert!(header_size(text).is_err(), "{text}");
        }
        assert_eq!(count("3"), Ok(3_u64));
        assert_eq!((concurrency("1000"), count("1")), (Ok(1000), Ok(1_u32)));
        for text in ["0", "-1", "three"] {
            assert!(count::<u64>(text).is_err(), "{text}");
            assert!(concurrency(text).is_err(), "{text}");
        }
        assert!(concurrency("1001").is_err() && count::<u32>("4294967296").is_err());
    }

    #[test]
    fn times_and_sizes_are_written_as_they_are_read() {
        for text in ["0s", "1ms", "1500ms", "75s", "1m", "90m", "5h", "7d"] {
            assert_eq!(write_time(&duration(text).expect(text)), text);
        }
        let odd = Duration::from_nanos(1_000_001);
        assert_eq!(duration(&write_time(&odd)), Ok(odd));
        for text in ["0", "1000", "1KiB", "16KiB", "256MiB", "4GiB", "1TiB"] {
            assert_eq!(write_size(&size::<u64>(text).expect(text)), text);
        }
    }

    #[test]
    fn methods_and_headers_that_could_do_harm_are_none() {
        assert_eq!(method("put"), Ok(Method::PUT));
        for text in ["connect", "TRACE", "head", "P UT"] {
            assert!(method(text).is_err(), "{text}");
        }
        assert!(signature_header("X-Shopify-Hmac-SHA256").is_ok());
        for text in ["Host", "content-length", "X-Cartgate-Verdict", "a b", ""] {
            assert!(signature_header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_lead_nowhere() {
        assert!(name("shop-1").is_ok() && credential("shop.secret").is_ok());
        assert!(variable("SHOP_1").is_ok());
        for text in ["", "A", "a b", "é"] {
            assert!(name(text).is_err(), "{text}");
        }
        for text in ["", "../shadow", "/etc/shadow", ".hidden"] {
            assert!(credential(text).is_err(), "{text}");
        }
        for text in ["", "1A", "A=B", "A-B"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }
}
