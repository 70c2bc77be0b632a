//! The buffers for the heads of requests. A worker uses them again, so that a head allocates
//! nothing.

use std::{
    cell::RefCell,
    mem::take,
    ops::{Deref, DerefMut},
};

/// The initial capacity, which is enough for nearly every head. A longer one allocates again.
const CAPACITY: usize = 1024;

/// The limits of what a worker keeps: the number of buffers, and the capacity of each.
const MAX_SPARE: usize = 64;
const MAX_CAPACITY: usize = 4 * CAPACITY;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer, which goes back to its worker when it is dropped. It implements no `Debug`, because a
/// head holds the app's secrets.
pub(super) struct HeadBuffer(Vec<u8>);

impl HeadBuffer {
    /// Returns an empty buffer.
    pub(super) fn new() -> Self {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        Self(spare.unwrap_or_else(|| Vec::with_capacity(CAPACITY)))
    }
}

impl Drop for HeadBuffer {
    fn drop(&mut self) {
        let mut buffer = take(&mut self.0);
        if buffer.capacity() > MAX_CAPACITY {
            return;
        }
        buffer.clear();
        // At the end of a thread there may be no place for it any more.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < MAX_SPARE {
                spare.push(buffer);
            }
        });
    }
}

impl Deref for HeadBuffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for HeadBuffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_empty() {
        let mut first = HeadBuffer::new();
        first.extend_from_slice(b"planted");
        let place = first.as_ptr();
        let second = HeadBuffer::new();
        assert_ne!(second.as_ptr(), place);
        drop(first);
        let third = HeadBuffer::new();
        assert_eq!((third.as_ptr(), third.len()), (place, 0));
    }

    #[test]
    fn a_worker_keeps_neither_long_buffers_nor_many() {
        let mut long = HeadBuffer::new();
        long.reserve(MAX_CAPACITY + 1);
        drop(long);
        assert_eq!(SPARE.with_borrow(Vec::len), 0);
        let many: Vec<_> = (0..2 * MAX_SPARE).map(|_| HeadBuffer::new()).collect();
        drop(many);
        assert_eq!(SPARE.with_borrow(Vec::len), MAX_SPARE);
    }
}
