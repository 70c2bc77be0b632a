//! The thread that writes the log to standard error.

use std::{
    env,
    io::{self, IsTerminal as _, Write},
    sync::Arc,
    thread,
    time::Duration,
};

use super::{
    dispatch::dispatch,
    line_queue::LineQueue,
    options::{Format, Level, Output},
    stderr::{LostLines, Stderr, is_journal},
};

/// The time that the first line waits for further ones. Otherwise each line of a busy gate would
/// wake the thread and need a system call.
const WAIT: Duration = Duration::from_millis(1);

/// The maximum size of a write, which holds only complete lines. It is the size that a pipe accepts
/// atomically: during a restart, two gates share one.
const MAX_WRITE: usize = 4096;

/// The memory for lines that the thread keeps. A burst may need more.
const KEPT: usize = 64 * 1024;

/// The time that the end of the log waits for the last lines.
const FAREWELL: Duration = Duration::from_secs(1);

/// The log of the process. Dropping it writes the lines in the queue.
#[derive(Debug)]
pub struct Log {
    dropped: Dropped,
}

/// Counts lines that were not written.
#[derive(Debug, Clone)]
struct Dropped {
    queue: Arc<LineQueue>,
    /// The lines that standard error did not accept.
    stderr: Arc<LostLines>,
}

impl Dropped {
    fn lines(&self) -> u64 {
        self.queue.dropped() + self.stderr.count()
    }
}

impl Log {
    /// Sends the log of the process to standard error.
    ///
    /// # Panics
    ///
    /// When the system starts no thread.
    #[must_use]
    pub fn start(format: Format, level: Level) -> Self {
        let output = Output {
            colours: io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none(),
            journal: is_journal(),
        };
        let (stderr, lost) = Stderr::new(io::stderr());
        let queue = Arc::<LineQueue>::default();
        let lines = Arc::clone(&queue);
        let thread = thread::Builder::new().name("cartgate-log".to_owned());
        let started = thread.spawn(move || work(&lines, stderr));
        started.expect("a process that has just started gets a thread for its log");
        let log = dispatch(format, &queue, output, level.into());
        // Fails for a second log in one process, as in tests. The first one stays.
        let _ = tracing::dispatcher::set_global_default(log);
        Self {
            dropped: Dropped {
                queue,
                stderr: lost,
            },
        }
    }

    /// Returns how many lines were not written since the start: the queue was full, or standard
    /// error failed.
    #[must_use]
    pub fn dropped_lines(&self) -> u64 {
        self.dropped.lines()
    }

    /// Returns a function that returns how many lines were not written since the start.
    pub fn dropped_lines_reader(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let dropped = self.dropped.clone();
        move || dropped.lines()
    }

    /// Logs how many lines were dropped, each time the number has grown. It never ends.
    pub async fn report_dropped_lines(&self) {
        let mut reported = 0;
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let total = self.dropped_lines();
            if total > reported {
                tracing::warn!(lines = total - reported, total, "log lines dropped");
                reported = total;
            }
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.dropped.queue.close(FAREWELL);
    }
}

/// Writes the lines of a queue until it is closed.
fn work(queue: &LineQueue, mut writer: impl Write) {
    let mut lines = String::new();
    while queue.wait() {
        collect();
        queue.take(&mut lines);
        for piece in pieces(&lines) {
            // The writer itself counts the lines that it cannot write.
            let _ = writer.write_all(piece.as_bytes());
        }
        if lines.capacity() > KEPT {
            lines = String::new();
        }
    }
    queue.end();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the log's thread serves no connections"
)]
fn collect() {
    thread::sleep(WAIT);
}

/// Splits lines into pieces for one write each.
fn pieces(mut lines: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = lines.split_at(piece_length(lines));
        lines = rest;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

/// Returns the length of as many lines as one write holds. A longer line is a write of its own.
fn piece_length(lines: &str) -> usize {
    let bytes = lines.as_bytes();
    let is_end = |byte: &u8| *byte == b'\n';
    let Some(first) = bytes.get(..MAX_WRITE) else {
        return bytes.len();
    };
    let end = first.iter().rposition(is_end);
    let end = end.or_else(|| bytes.iter().position(is_end));
    end.map_or(bytes.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_go_out_in_few_writes_that_break_none() {
        let lines: String = (0..100).map(|number| format!("{number:0>199}\n")).collect();
        let writes: Vec<_> = pieces(&lines).collect();
        assert_eq!(writes.len(), 5);
        assert!(writes.iter().all(|piece| piece.ends_with('\n')));
        assert!(writes.iter().all(|piece| piece.len() <= MAX_WRITE));
        assert_eq!(writes.concat(), lines);
    }

    #[test]
    fn a_long_line_is_written_alone() {
        let long = format!("{}\n", "x".repeat(MAX_WRITE));
        let lines = format!("a\n{long}b\n");
        assert_eq!(pieces(&lines).collect::<Vec<_>>(), ["a\n", &long, "b\n"]);
    }

    #[test]
    fn a_write_may_be_full() {
        let line = format!("{}\n", "x".repeat(MAX_WRITE / 2 - 1));
        let lines = line.repeat(3);
        let lengths: Vec<_> = pieces(&lines).map(str::len).collect();
        assert_eq!(lengths, [MAX_WRITE, MAX_WRITE / 2]);
    }

    #[test]
    fn the_thread_writes_all_lines_and_ends() {
        let queue = LineQueue::default();
        let mut written = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| work(&queue, &mut written));
            queue.push("one\n");
            queue.push("two\n");
            queue.close(Duration::from_secs(60));
        });
        assert_eq!(written, b"one\ntwo\n");
    }
}
