//! The buffer of an unverified body, with bounded memory.
//!
//! A frame is a slice of the server's read buffer, and a slice of one byte keeps the whole buffer
//! alive. hyper's buffer has 8 KiB, so 20,000 bytes sent one at a time could hold 160 MB. Therefore
//! only large frames are held without a copy. Smaller ones are copied into blocks, which grow with
//! the received bytes and never with a declared length. A frame that is the whole body does not
//! enter this buffer.

use bytes::{Bytes, BytesMut};

use crate::payload::{Chunks, Payload};

/// The length from which copying a frame costs more than the rest of its read buffer.
const LARGE: usize = 32 * 1024;
const FIRST_BLOCK: usize = 4 * 1024;
const LAST_BLOCK: usize = 64 * 1024;

/// Returns the most memory that the layer holds for a body of which `received` bytes have arrived.
///
/// Use it to budget memory over all connections. It counts copied frames, and large frames by their
/// length. A frame that is a slice also keeps the rest of its read buffer alive: the one frame that
/// is not copied yet, and each frame of 32 KiB or more. With hyper, `max_buf_size` limits that. A
/// verified body may be held twice: while a rule reads it, and after
/// [`Verified::bytes`](crate::Verified::bytes) joined its pieces.
///
/// ```
/// # use tower_cartgate::max_buffered;
/// assert_eq!(max_buffered(1), 4 * 1024 + 2);
/// assert_eq!(max_buffered(1024 * 1024), (1024 + 64) * 1024);
/// ```
#[must_use]
pub const fn max_buffered(received: u64) -> u64 {
    // Blocks double in size. The unused part of the last block is therefore at most the sum of all
    // earlier blocks plus a first one, and at most one largest block.
    let unused = received.saturating_add(FIRST_BLOCK as u64);
    let unused = if unused < LAST_BLOCK as u64 {
        unused
    } else {
        LAST_BLOCK as u64
    };
    received.saturating_add(unused)
}

/// The received frames, copied into blocks unless they are large.
#[derive(Default)]
pub(crate) struct Gather {
    pieces: Vec<Bytes>,
    block: BytesMut,
    next_block: usize,
}

impl Gather {
    pub(crate) fn push(&mut self, frame: Bytes) {
        if frame.len() >= LARGE {
            self.close_block();
            self.pieces.push(frame);
        } else {
            self.copy(&frame);
        }
    }

    pub(crate) fn finish(mut self) -> Payload {
        self.close_block();
        Payload::new(Chunks::from(self.pieces))
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

    /// Ends a piece. The rest of the block stays in use; otherwise alternating large and small
    /// frames would waste a block each time.
    fn close_block(&mut self) {
        let filled = self.block.split();
        if !filled.is_empty() {
            self.pieces.push(filled.freeze());
        }
    }
}
