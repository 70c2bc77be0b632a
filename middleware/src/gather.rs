//! Keeps a body while it arrives, unverified, and bounds what that costs. It neither hashes nor judges.
//!
//! A server hands over slices of its read buffer, and a slice of one byte keeps its whole buffer alive: hyper's is 8 KiB,
//! so that 20,000 bytes sent one at a time would hold up to 160 MB. Therefore a frame is kept as it is only if it is large. All
//! else is copied together into blocks, which grow with what has arrived and never with what a header announces. A frame that
//! turns out to be the whole body does not come here.

use bytes::{Bytes, BytesMut};

use crate::payload::{Chunks, Payload};

/// From here on copying costs more than the rest of a read buffer that a slice may keep alive.
const LARGE: usize = 32 * 1024;
const FIRST_BLOCK: usize = 4 * 1024;
const LAST_BLOCK: usize = 64 * 1024;

/// The most memory that the layer holds for one body while it arrives, of which so many bytes were received.
///
/// For servers that budget memory over all connections. It counts what is copied here, and large frames by their
/// length. A frame that came as a slice also keeps the rest of its read buffer alive: the one frame that is not
/// copied yet, and each of 32 KiB or more. With hyper, `max_buf_size` bounds that. Once the body is verified, it may be
/// held twice: while a rule reads its event, and after [`Verified::bytes`](crate::Verified::bytes) on one in pieces.
///
/// ```
/// # use tower_cartgate::max_buffered;
/// assert_eq!(max_buffered(1), 4 * 1024 + 2);
/// assert_eq!(max_buffered(1024 * 1024), (1024 + 64) * 1024);
/// ```
#[must_use]
pub const fn max_buffered(received: u64) -> u64 {
    // Blocks double, so what is unused of the last one is at most all before it and a first one; and at most one.
    let unused = received.saturating_add(FIRST_BLOCK as u64);
    let unused = if unused < LAST_BLOCK as u64 {
        unused
    } else {
        LAST_BLOCK as u64
    };
    received.saturating_add(unused)
}

/// The pieces that have arrived so far.
#[derive(Default)]
pub(crate) struct Gather {
    kept: Vec<Bytes>,
    block: BytesMut,
    next_block: usize,
}

impl Gather {
    pub(crate) fn keep(&mut self, frame: Bytes) {
        if frame.len() >= LARGE {
            self.close_block();
            self.kept.push(frame);
        } else {
            self.copy(&frame);
        }
    }

    pub(crate) fn finish(mut self) -> Payload {
        self.close_block();
        Payload::new(Chunks::from(self.kept))
    }

    fn copy(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.block.len() == self.block.capacity() {
                self.open_block();
            }
            let room = self.block.capacity() - self.block.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            bytes = later;
        }
    }

    fn open_block(&mut self) {
        self.close_block();
        let size = self.next_block.clamp(FIRST_BLOCK, LAST_BLOCK);
        self.next_block = size * 2;
        self.block = BytesMut::with_capacity(size);
    }

    /// The rest of the block stays in use: large and small frames by turns would otherwise waste a block each time.
    fn close_block(&mut self) {
        let filled = self.block.split();
        if !filled.is_empty() {
            self.kept.push(filled.freeze());
        }
    }
}
