//! W3C Trace Context: a valid `traceparent` passes with its `tracestate`; otherwise the gate starts
//! a trace.
//!
//! Neither header is signed, so a client can choose any trace.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Drops both headers unless there is one valid `traceparent`. With an invalid one, an app's tracer
/// would start a trace of its own, which the id in the log would not find.
pub(super) fn keep_if_valid(headers: &mut HeaderMap) {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let valid = values.next().is_some_and(is_valid) && values.next().is_none();
    if !valid {
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
    }
}

/// The trace headers of a request. Each value has a bit.
#[derive(Default)]
pub(super) struct TraceHeaders {
    values: u128,
    parents: usize,
    is_valid: bool,
}

impl TraceHeaders {
    /// Adds a header, if it is one of the two.
    pub(super) fn add(&mut self, name: &HeaderName, value: &HeaderValue, bit: u128) {
        match name.as_str() {
            "traceparent" => {
                self.parents += 1;
                self.is_valid = is_valid(value);
            }
            "tracestate" => {}
            _ => return,
        }
        self.values |= bit;
    }

    /// Returns the bits of the values to drop, as [`keep_if_valid`] does.
    pub(super) fn dropped(&self) -> u128 {
        match self.parents {
            1 if self.is_valid => 0,
            _ => self.values,
        }
    }
}

/// Returns the `traceparent` of a new trace, which the app may sample.
///
/// The trace id is the delivery id, so that the id in the log finds the trace. The parent id is its
/// last eight bytes. Neither is all zeros, which the standard forbids: the ninth byte of a UUID of
/// version 7 begins with the bits 10.
pub(crate) fn start(id: Uuid) -> [u8; 55] {
    let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let mut buffer = Uuid::encode_buffer();
    let trace = id.as_simple().encode_lower(&mut buffer).as_bytes();
    value[3..35].copy_from_slice(trace);
    value[36..52].copy_from_slice(&trace[16..]);
    value
}

/// Returns whether the value is exactly of version 00. A later version may mean more than the gate
/// knows.
fn is_valid(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let mut parts = text.split('-');
    let mut part = || parts.next();
    let (Some(version), Some(trace), Some(parent), Some(flags), None) =
        (part(), part(), part(), part(), part())
    else {
        return false;
    };
    version == "00" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)
}

fn is_id(text: &str, digits: usize) -> bool {
    is_hex(text, digits) && text.bytes().any(|digit| digit != b'0')
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard.
    const PASSED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn kept(parents: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for parent in parents {
            headers.append(TRACEPARENT, HeaderValue::from_static(parent));
        }
        headers.append(TRACESTATE, HeaderValue::from_static("a=1"));
        headers.append(TRACESTATE, HeaderValue::from_static("b=2"));
        keep_if_valid(&mut headers);
        headers
    }

    #[test]
    fn a_valid_trace_is_passed_whole() {
        for parent in [
            PASSED,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
            "00-00000000000000000000000000000001-0000000000000001-00",
        ] {
            let headers = kept(&[parent]);
            assert_eq!(headers[TRACEPARENT], parent);
            assert_eq!(headers.get_all(TRACESTATE).iter().count(), 2);
        }
    }

    #[test]
    fn anything_else_is_dropped_whole() {
        for parents in [
            &[][..],
            &[PASSED, PASSED],
            &[""],
            &["01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"],
            &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 "],
        ] {
            assert!(kept(parents).is_empty(), "{parents:?}");
        }
    }

    #[test]
    fn a_trace_that_is_started_is_valid_and_named_for_the_delivery() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000);
        let started = start(id);
        assert_eq!(
            &started,
            b"00-01900000000070008000000000000000-8000000000000000-00"
        );
        assert!(is_valid(&HeaderValue::from_bytes(&started).expect("ASCII")));
    }
}
