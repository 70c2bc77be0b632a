//! The thread that writes the log to standard error.

use std::{
    env,
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

use super::{
    batch::Batch,
    dispatch::{Output, dispatch},
    options::{Format, Level},
    stderr::{LostLines, Stderr, is_journal},
};

/// The maximum number of lines in the queue. Further lines are dropped and counted.
const QUEUE: usize = 8192;

/// The log of the process. Dropping it writes the lines in the queue.
#[derive(Debug)]
pub struct Log {
    _writer: WorkerGuard,
    dropped: Dropped,
}

/// Counts lines that were not written.
#[derive(Debug, Clone)]
struct Dropped {
    /// The lines that found the queue full.
    queue: ErrorCounter,
    /// The lines that standard error did not accept.
    stderr: Arc<LostLines>,
}

impl Dropped {
    fn lines(&self) -> u64 {
        self.queue.dropped_lines() as u64 + self.stderr.count()
    }
}

impl Log {
    /// Sends the log of the process to standard error.
    #[must_use]
    pub fn start(format: Format, level: Level) -> Self {
        let output = Output {
            colours: io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none(),
            journal: is_journal(),
        };
        let (stderr, lost) = Stderr::new(io::stderr());
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(QUEUE)
            .thread_name("cartgate-log")
            .finish(Batch::new(stderr));
        let dropped = Dropped {
            queue: writer.error_counter(),
            stderr: lost,
        };
        let log = dispatch(format, writer, output, level.into());
        // Fails for a second log in one process, as in tests. The first one stays.
        let _ = tracing::dispatcher::set_global_default(log);
        Self {
            _writer: guard,
            dropped,
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
