//! The bounded queue from the workers to the writer thread.
//!
//! A rejection stays in the queue until its file is written, so a full or slow disk holds at most
//! the queue's bytes of the gate's memory. One source holds at most its share of the queue, so a
//! flood does not keep the rejections of others out.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{load::Load, saved_rejection::SavedRejection};
use crate::net::source::Source;

/// The capacity. A small body keeps a read buffer of a few KiB alive, which the gate's memory does
/// not count. A body larger than the capacity waits alone.
const CAPACITY: Load = Load {
    count: 64,
    bytes: 4 * 1024 * 1024,
};

/// A bounded queue of rejections that wait to be written.
pub(super) struct Queue {
    /// The part of the capacity that one source may take.
    share: Load,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// The job that the thread works on.
    current: Option<Slot>,
    is_closed: bool,
}

/// A rejection that waits to be written.
pub(super) struct Job {
    pub(super) rejection: SavedRejection,
    /// The body's part of the gate's memory, released on drop.
    pub(super) _memory: Box<dyn Send>,
}

/// The part of the queue that a job takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) source: Source,
    pub(super) load: Load,
}

/// The queue is closed and empty.
pub(super) struct Closed;

impl Queue {
    /// Creates a queue of which each source may take one part in `sources`.
    pub(super) fn new(sources: u64) -> Self {
        Self {
            share: CAPACITY.share(sources),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Adds a job if the queue has room for it. Returns whether it had.
    pub(super) fn push(&self, slot: Slot, job: impl FnOnce() -> Job) -> bool {
        let mut state = self.lock();
        let has_room = state.has_room(slot, self.share);
        if has_room {
            // The job copies a head, so it is made only for a slot of the queue.
            state.waiting.push_back(job());
            self.changed.notify_one();
        }
        has_room
    }

    /// Ends the job before, and waits for the next one. Returns `None` after the timeout.
    pub(super) fn next(&self, timeout: Duration) -> Result<Option<Job>, Closed> {
        let mut state = self.lock();
        state.current = None;
        let is_idle = |state: &mut State| state.waiting.is_empty() && !state.is_closed;
        let waited = self.changed.wait_timeout_while(state, timeout, is_idle);
        (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let job = state.waiting.pop_front();
        state.current = job.as_ref().map(Job::slot);
        if job.is_none() && state.is_closed {
            return Err(Closed);
        }
        Ok(job)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().slots().next().is_none()
    }

    /// Lets the thread end after the jobs that wait.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn slots(&self) -> impl Iterator<Item = Slot> {
        self.waiting.iter().map(Job::slot).chain(self.current)
    }

    /// A body larger than a limit has room if nothing else counts against the limit.
    fn has_room(&self, newcomer: Slot, share: Load) -> bool {
        let (mut all, mut own) = (Load::default(), Load::default());
        for slot in self.slots() {
            all += slot.load;
            if slot.source == newcomer.source {
                own += slot.load;
            }
        }
        [(all, CAPACITY), (own, share)]
            .into_iter()
            .all(|(held, limit)| {
                let mut after = held;
                after += newcomer.load;
                held == Load::default() || !after.exceeds(limit)
            })
    }
}

impl Job {
    fn slot(&self) -> Slot {
        Slot {
            source: self.rejection.source,
            load: Load::one(self.rejection.body_len()),
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::rejected::saved_rejection;

    /// Pushes a body of `len` bytes from the source 192.0.2.`host`.
    fn push(queue: &Queue, host: u8, len: usize) -> bool {
        let source = IpAddr::from([192, 0, 2, host]).into();
        let job = Job {
            rejection: saved_rejection::of_len(source, len),
            _memory: Box::new(()),
        };
        queue.push(job.slot(), || job)
    }

    fn next(queue: &Queue) -> Option<Job> {
        queue.next(Duration::ZERO).ok().expect("open")
    }

    #[test]
    fn a_source_gets_its_share_and_all_together_the_capacity() {
        let queue = Queue::new(4);
        let mut queued = |host| (0..100).filter(|_| push(&queue, host, 1)).count();
        assert_eq!([1, 2, 3, 4, 5].map(&mut queued), [16, 16, 16, 16, 0]);
        next(&queue).expect("a job");
        assert!(!push(&queue, 5, 1), "the current job counts");
        next(&queue).expect("a job");
        assert!(push(&queue, 5, 1));
    }

    #[test]
    fn bytes_count_and_a_body_larger_than_a_limit_waits_alone() {
        let share = usize::try_from(CAPACITY.bytes).expect("it fits") / 2;
        let queue = Queue::new(2);
        assert!(push(&queue, 1, share - 1));
        assert!(push(&queue, 1, 1));
        assert!(!push(&queue, 1, 1), "the share is used up");
        assert!(push(&queue, 2, share));
        assert!(!push(&queue, 3, 1), "the queue is full");
        while next(&queue).is_some() {}
        assert!(push(&queue, 1, share * 3), "nothing else is queued");
        assert!(!push(&queue, 2, 1));
    }

    #[test]
    fn a_queue_is_empty_after_its_last_job_is_done() {
        let queue = Queue::new(1);
        assert!(queue.is_empty());
        push(&queue, 1, 1);
        let job = next(&queue);
        assert!(!queue.is_empty());
        drop(job);
        assert!(next(&queue).is_none() && queue.is_empty());
    }

    #[test]
    fn a_closed_queue_ends_after_its_jobs() {
        let queue = Queue::new(1);
        push(&queue, 1, 1);
        queue.close();
        next(&queue).expect("a job");
        let ended = queue.next(Duration::from_secs(600));
        assert!(ended.is_err());
    }
}
