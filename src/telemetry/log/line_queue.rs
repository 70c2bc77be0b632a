//! The queue between the program and the thread of the log. It holds the lines as one text, so that
//! a line costs a copy and no allocation, and the thread takes all of them at once.

use std::{
    io, mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// The maximum number of lines in the queue. Further lines are dropped and counted.
const MAX_LINES: usize = 8192;

/// The lines that wait for the log's thread.
#[derive(Debug, Default)]
pub(super) struct LineQueue {
    content: Mutex<Content>,
    /// Notified when the thread has something to do, and when it has ended.
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Content {
    lines: String,
    count: usize,
    /// Whether the thread waits for a line. Only then a line wakes it.
    is_awaited: bool,
    /// Whether no further lines are awaited.
    is_closed: bool,
    /// Whether the thread has written all lines and ended.
    has_ended: bool,
}

impl LineQueue {
    /// Adds a line, which ends with a line end.
    pub(super) fn push(&self, line: &str) {
        let mut content = self.lock();
        if content.count == MAX_LINES {
            self.dropped.fetch_add(1, Relaxed);
            return;
        }
        content.count += 1;
        content.lines.push_str(line);
        let is_awaited = mem::take(&mut content.is_awaited);
        drop(content);
        if is_awaited {
            self.changed.notify_all();
        }
    }

    /// Returns how many lines found the queue full.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Waits for a line. Returns false if the queue was closed and is empty.
    pub(super) fn wait(&self) -> bool {
        let mut content = self.lock();
        while content.count == 0 && !content.is_closed {
            content.is_awaited = true;
            let waited = self.changed.wait(content);
            content = waited.unwrap_or_else(PoisonError::into_inner);
        }
        content.count > 0
    }

    /// Takes all lines, and leaves the memory of `to` to the next ones.
    pub(super) fn take(&self, to: &mut String) {
        to.clear();
        let mut content = self.lock();
        mem::swap(&mut content.lines, to);
        content.count = 0;
    }

    /// Notes that the thread has written the last line.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Tells the thread to end, and waits until it has written the lines in the queue.
    pub(super) fn close(&self, limit: Duration) {
        let mut content = self.lock();
        content.is_closed = true;
        self.changed.notify_all();
        let is_busy = |content: &mut Content| !content.has_ended;
        // After the limit, the lines are lost: standard error is blocked.
        let _ = self.changed.wait_timeout_while(content, limit, is_busy);
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds the lines of `tracing-subscriber`, which writes each of them at once.
#[derive(Debug, Clone)]
pub(super) struct QueueWriter(pub(super) Arc<LineQueue>);

impl io::Write for QueueWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(line).map_err(io::Error::other)?;
        self.0.push(text);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for QueueWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::thread;

    #[test]
    fn a_full_queue_drops_and_counts() {
        let queue = LineQueue::default();
        for _ in 0..MAX_LINES + 3 {
            queue.push("a line\n");
        }
        assert_eq!(queue.dropped(), 3);
        let mut lines = String::new();
        queue.take(&mut lines);
        assert_eq!(lines.lines().count(), MAX_LINES);
        queue.push("another\n");
        queue.take(&mut lines);
        assert_eq!((lines.as_str(), queue.dropped()), ("another\n", 3));
    }

    #[test]
    fn a_closed_queue_gives_its_lines_before_it_ends() {
        let queue = LineQueue::default();
        thread::scope(|scope| {
            let taker = scope.spawn(|| {
                let (mut all, mut lines) = (String::new(), String::new());
                while queue.wait() {
                    queue.take(&mut lines);
                    all.push_str(&lines);
                }
                queue.end();
                all
            });
            for number in 0..100 {
                queue.push(&format!("{number}\n"));
            }
            queue.close(Duration::from_secs(60));
            assert!(queue.lock().has_ended);
            let expected: String = (0..100).map(|number| format!("{number}\n")).collect();
            assert_eq!(taker.join().expect("no panic"), expected);
        });
    }
}
