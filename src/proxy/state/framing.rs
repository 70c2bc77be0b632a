//! The bytes that a connection reads, and the part of them that is framing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The bytes that hyper reads at most at a time. They bound the memory that a slice of its buffer
/// keeps alive.
pub(crate) const READ_BUFFER: u64 = 64 * 1024;

/// The bytes of framing that any body may have. hyper allows as many for chunk extensions and for
/// trailers.
pub(super) const MOST_FRAMING: u64 = 16 * 1024;

/// The bytes read from the client.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Bytes read since the worker last polled the connection.
    poll: AtomicU64,
    /// Bytes read since the head of the present request.
    wire: AtomicU64,
    /// Bytes of the present request's body.
    body: AtomicU64,
    /// Whether the present request has too much framing.
    too_much_framing: AtomicBool,
}

impl Input {
    pub(super) fn begin_request(&self) {
        self.wire.store(0, Relaxed);
        self.body.store(0, Relaxed);
        self.too_much_framing.store(false, Relaxed);
    }

    pub(super) fn begin_poll(&self) {
        self.poll.store(0, Relaxed);
    }

    pub(super) fn add(&self, bytes: u64) {
        add(&self.poll, bytes);
        add(&self.wire, bytes);
    }

    /// Whether this poll has read `share` bytes.
    pub(super) fn has_read(&self, share: u64) -> bool {
        self.poll.load(Relaxed) >= share
    }

    pub(super) fn set_body(&self, bytes: u64) {
        self.body.store(bytes, Relaxed);
    }

    pub(super) fn body(&self) -> u64 {
        self.body.load(Relaxed)
    }

    /// Checks the framing. hyper must have passed on all bytes of the body that it has read. Chunk
    /// sizes, extensions and trailers may take [`MOST_FRAMING`] and as much as the body.
    pub(super) fn check_framing(&self) -> bool {
        let body = self.body();
        let framing = self.wire.load(Relaxed).saturating_sub(body);
        let too_much = framing > MOST_FRAMING + body;
        if too_much {
            self.too_much_framing.store(true, Relaxed);
        }
        too_much
    }

    pub(super) fn has_too_much_framing(&self) -> bool {
        self.too_much_framing.load(Relaxed)
    }
}

/// Adds without a locked instruction: only the connection's worker writes.
fn add(counter: &AtomicU64, bytes: u64) {
    counter.store(counter.load(Relaxed).saturating_add(bytes), Relaxed);
}
