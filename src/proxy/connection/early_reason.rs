//! The reasons to reject a request whose head was never complete.

use super::{end::End, io::ClientIo};
use crate::{
    outcome::reject_reason::RejectReason,
    proxy::state::{ConnectionState, Phase},
};

/// Returns the reason for the response to a request that hyper could not parse, that was too slow,
/// or that was evicted. `unread` are the bytes in hyper's buffer, and `limit` is the maximum length
/// of a head.
pub(super) fn early_reason(
    end: &End,
    io: &ClientIo,
    unread: &[u8],
    limit: usize,
    state: &ConnectionState,
) -> Option<RejectReason> {
    let in_head = state.phase() == Phase::Head;
    match end {
        End::Done(_) if io.withheld() == Some(414) => Some(RejectReason::TargetTooLong),
        End::Done(_) if io.withheld() == Some(431) => Some(too_large(unread, limit)),
        End::Done(_) if io.withheld().is_some() => Some(RejectReason::Framing(protocol(unread))),
        // hyper sends no response to a client that speaks HTTP/2 from the start.
        End::Done(Err(error)) if error.is_parse() && in_head => {
            Some(RejectReason::Framing(protocol(unread)))
        }
        End::HeadTooSlow => Some(RejectReason::HeadTooSlow),
        End::Evicted if in_head => Some(RejectReason::Full),
        _ => None,
    }
}

/// Names the protocol of a client that does not speak HTTP/1.1. Each is a different mistake in the
/// configuration of the gate or of a proxy before it.
fn protocol(unread: &[u8]) -> &'static str {
    // The signature of PROXY protocol version 2 begins with line ends, which hyper may have
    // skipped.
    let trimmed = unread.trim_ascii_start();
    match unread {
        [0x16, 0x03, ..] => "tls",
        _ if trimmed.starts_with(b"PRI * HTTP/2.0") => "http2",
        _ if trimmed.starts_with(b"PROXY ") || trimmed.starts_with(b"\0\r\nQUIT\n") => {
            "proxy-protocol"
        }
        _ => "malformed",
    }
}

/// Tells apart what hyper calls too large: a request line, a head, and a `Content-Length` near
/// 2^64. It has removed the head from its buffer only in the last case.
fn too_large(unread: &[u8], limit: usize) -> RejectReason {
    let line = unread.iter().position(|byte| *byte == b'\n');
    match line {
        _ if line.unwrap_or(unread.len()) >= limit => RejectReason::TargetTooLong,
        Some(_) => RejectReason::HeadTooLarge,
        None => RejectReason::Framing("content-length"),
    }
}
