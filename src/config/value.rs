//! What one value of a configuration may be, whichever way it was written: flags and file call the same functions, so that
//! neither lets in what the other refuses. An error says what was expected, and never repeats the text: it may be a secret.

use std::{path::PathBuf, time::Duration};

use bytesize::ByteSize;
use http::{HeaderName, Method, header};

use crate::endpoint::PathRule;

/// Longer clocks would one day be beyond what a point in time can hold.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A clock: how long something may last.
///
/// # Errors
///
/// When the text is no duration, no time at all, or more than a year.
pub fn clock(text: &str) -> Result<Duration, &'static str> {
    match pause(text)? {
        none if none.as_millis() == 0 => {
            Err("nothing could ever happen in no time; give it at least 1ms")
        }
        time => Ok(time),
    }
}

/// A time that may be none.
///
/// # Errors
///
/// When the text is no duration, or more than a year.
pub fn pause(text: &str) -> Result<Duration, &'static str> {
    match humantime::parse_duration(text) {
        Ok(time) if time <= LONGEST => Ok(time),
        Ok(_) => Err("expected a year at most"),
        Err(_) => Err("expected a duration with its unit, such as 500ms, 10s or 1h 30m"),
    }
}

/// A number of bytes: `1MiB`, `64KiB`, `4096`.
///
/// # Errors
///
/// When the text is no size.
pub fn size(text: &str) -> Result<ByteSize, &'static str> {
    text.parse()
        .map_err(|_| "expected a size, such as 64KiB, 1MiB or a number of bytes")
}

/// How large a request's head may be.
///
/// # Errors
///
/// When no request would fit, or an attacker's would.
pub fn header_size(text: &str) -> Result<ByteSize, &'static str> {
    size(text).and_then(|size| {
        (1024..=1024 * 1024)
            .contains(&size.as_u64())
            .then_some(size)
            .ok_or("expected between 1KiB and 1MiB")
    })
}

/// A method that deliveries may have, in any case: methods are case-sensitive, and nobody means `post`.
///
/// # Errors
///
/// When the text is no method, or one that is never let in: CONNECT asks for a tunnel, TRACE sends the request back, and the
/// answer to HEAD is one without the body that it announces.
pub fn method(text: &str) -> Result<Method, &'static str> {
    match text.to_ascii_uppercase().parse() {
        Ok(Method::CONNECT | Method::TRACE | Method::HEAD) => {
            Err("CONNECT, TRACE and HEAD are never let in")
        }
        Ok(method) => Ok(method),
        Err(_) => Err("expected a method, such as POST"),
    }
}

/// Headers that frame a request, name its host or say what its body is.
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

/// The header that carries the signature.
///
/// # Errors
///
/// When the text is no header's name, or that of one with a meaning of its own.
pub fn signature_header(text: &str) -> Result<HeaderName, &'static str> {
    let name: HeaderName = header_name(text)?;
    if RESERVED.contains(&name) || name.as_str().starts_with("x-cartgate-") {
        return Err("this header has a meaning of its own and cannot carry a signature");
    }
    Ok(name)
}

/// A header's name.
///
/// # Errors
///
/// When the text is none.
pub fn header_name(text: &str) -> Result<HeaderName, &'static str> {
    text.parse()
        .map_err(|_| "expected a header's name, such as x-shopify-hmac-sha256")
}

/// What logs, metrics and headers call an endpoint, a destination or a secret.
///
/// # Errors
///
/// When the text holds anything but a few plain characters.
pub fn name(text: &str) -> Result<String, &'static str> {
    text.parse::<tower_cartgate::SecretName>()
        .map(|name| name.as_ref().to_owned())
        .map_err(|_| "expected 1 to 64 of a-z, 0-9, `_` and `-`")
}

/// The name of an environment variable.
///
/// # Errors
///
/// When no variable could be called that.
pub fn variable(text: &str) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = text.chars().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit());
    (!text.is_empty() && is_name)
        .then(|| text.to_owned())
        .ok_or("expected the name of an environment variable")
}

/// A file's name below systemd's folder of credentials.
///
/// # Errors
///
/// When the text would lead out of that folder.
pub fn credential(text: &str) -> Result<String, &'static str> {
    let leads_out = text.contains('/') || text.starts_with('.');
    (!text.is_empty() && !leads_out)
        .then(|| text.to_owned())
        .ok_or("expected the name of a systemd credential, without a folder")
}

/// The one path where a gate's health is asked for.
///
/// # Errors
///
/// When the text is no path, or every path.
pub fn health_path(text: &str) -> Result<String, &'static str> {
    match text.parse() {
        Ok(PathRule::Exact(path)) => Ok(path),
        _ => Err("expected one path, such as /healthz"),
    }
}

/// A file or folder.
///
/// # Errors
///
/// When nothing is named.
pub fn path(text: &str) -> Result<PathBuf, &'static str> {
    (!text.is_empty())
        .then(|| text.into())
        .ok_or("expected a file's path")
}

/// Whether a count means anything.
pub const AT_LEAST_ONE: &str = "expected a number of at least 1";

/// A count.
///
/// # Errors
///
/// When the text is no number, or none at all.
pub fn count(text: &str) -> Result<usize, &'static str> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or(AT_LEAST_ONE)
}

/// Attempts at once: each holds a connection to the app and an event in memory.
///
/// # Errors
///
/// When the text is no number, none at all, or more than an app is asked at once.
pub fn concurrency(text: &str) -> Result<usize, &'static str> {
    text.parse()
        .ok()
        .filter(|number| (1..=1000).contains(number))
        .ok_or("expected a number from 1 to 1000")
}

/// Undelivered copies of one body.
///
/// # Errors
///
/// When the text is no number, none at all, or larger than a store counts.
pub fn copies(text: &str) -> Result<u32, &'static str> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or(AT_LEAST_ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_a_unit_and_a_length() {
        assert_eq!(clock("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(pause("0s"), Ok(Duration::ZERO));
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
            let error = clock(text).expect_err(text);
            assert!(!error.contains("planted"));
        }
    }

    #[test]
    fn sizes_and_counts_are_numbers() {
        assert_eq!(size("1MiB").map(|size| size.as_u64()), Ok(1 << 20));
        assert!(size("many").is_err());
        assert!(header_size("1KiB").is_ok());
        for text in ["1023", "2MiB", "x"] {
            assert!(header_size(text).is_err(), "{text}");
        }
        assert_eq!(count("3"), Ok(3));
        assert_eq!((concurrency("1000"), copies("1")), (Ok(1000), Ok(1)));
        for text in ["0", "-1", "three"] {
            assert!(count(text).is_err(), "{text}");
            assert!(copies(text).is_err(), "{text}");
            assert!(concurrency(text).is_err(), "{text}");
        }
        assert!(concurrency("1001").is_err() && copies("4294967296").is_err());
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
