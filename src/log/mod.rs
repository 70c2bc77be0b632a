//! The gate's log: where lines go (a bounded queue and a thread of its own, so that a slow terminal
//! never holds up a worker), what a request's line says (`line`), and how many lines refusals may
//! fill (`throttle`). No secret, no payload, no query ever comes here.

mod line;
mod throttle;

pub(crate) use line::{Line, Path, Verdict};
pub(crate) use throttle::Throttle;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};

use crate::metrics::Metrics;

/// Lines that may wait to be written; what comes on top is dropped and counted.
const QUEUE: usize = 8192;

/// How lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Which lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// Only what needs a person.
    Error,
    /// And what may soon.
    Warn,
    /// And what happens.
    #[default]
    Info,
    /// And how.
    Debug,
}

/// Writes out what waits when it is dropped.
#[derive(Debug)]
pub struct Log {
    _writer: WorkerGuard,
    dropped: ErrorCounter,
}

impl Log {
    /// Sends the process's log to standard error.
    #[must_use]
    pub fn start(format: Format, level: Level) -> Self {
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(QUEUE)
            .thread_name("cartgate-log")
            .finish(std::io::stderr());
        let dropped = writer.error_counter();
        let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let builder = tracing_subscriber::fmt()
            .with_writer(writer)
            .with_ansi(ansi && std::env::var_os("NO_COLOR").is_none())
            .with_max_level(LevelFilter::from(level));
        // A second log in one process is a test's; the first one stays.
        let _ = match format {
            Format::Text => tracing::subscriber::set_global_default(builder.finish()),
            Format::Json => {
                tracing::subscriber::set_global_default(builder.json().flatten_event(true).finish())
            }
        };
        Self {
            _writer: guard,
            dropped,
        }
    }

    /// Lines that found the queue full, since the start.
    #[must_use]
    pub fn dropped_lines(&self) -> usize {
        self.dropped.dropped_lines()
    }

    /// Has `metrics` tell how many lines were dropped.
    pub fn counted_by(&self, metrics: &Metrics) {
        let dropped = self.dropped.clone();
        metrics.dropped_lines_from(move || dropped.dropped_lines() as u64);
    }

    /// Says how many lines were dropped, whenever that has grown. It never ends.
    pub async fn report_dropped_lines(&self) {
        let mut said = 0;
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let dropped = self.dropped_lines();
            if dropped > said {
                tracing::warn!(
                    lines = dropped - said,
                    total = dropped,
                    "log lines were dropped"
                );
                said = dropped;
            }
        }
    }
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
        }
    }
}
