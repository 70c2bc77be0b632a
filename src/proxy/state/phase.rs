//! The phases of a connection.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The bits of a stay that hold its phase.
const PHASE_BITS: u32 = 7;

/// The activity of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Between requests, or before the first: no byte of the next one has arrived.
    Idle,
    /// The head of a request is arriving.
    Head,
    /// The body of an unverified request is arriving.
    Body,
    /// The body is complete: the gate verifies or delivers it, or the response is on its way.
    Response,
    /// The request was rejected: only the response is on its way, or the gate discards the rest of
    /// the request.
    Rejection,
    /// The TLS handshake before the first request.
    Handshake,
}

/// One stay in a phase. Two stays are equal only if the connection has not changed its phase
/// between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay(u32);

impl Stay {
    pub(crate) fn phase(self) -> Phase {
        match self.0 & PHASE_BITS {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Body,
            3 => Phase::Response,
            4 => Phase::Rejection,
            _ => Phase::Handshake,
        }
    }
}

/// The present stay: the phase below a counter that tells one stay from the next.
#[derive(Debug, Default)]
pub(super) struct PresentStay(AtomicU32);

impl PresentStay {
    pub(super) fn get(&self) -> Stay {
        Stay(self.0.load(Relaxed))
    }

    pub(super) fn enter(&self, phase: Phase) {
        let count = self.0.load(Relaxed) & !PHASE_BITS;
        let next = count.wrapping_add(PHASE_BITS + 1);
        self.0.store(next | phase as u32, Relaxed);
    }
}
