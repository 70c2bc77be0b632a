//! The gate's log: where lines go (a bounded queue and a thread of its own, so that a slow terminal
//! never holds up a worker, and which writes what waits at once: `batch`), what a request's line says (`line`), how that is
//! put into characters (`fast`), and how many lines refusals may fill (`throttle`). No secret, no payload, no query ever
//! comes here.

mod batch;
mod fast;
mod stderr;
pub(crate) mod throttle;

use std::sync::Arc;

use batch::Batch;
use fast::Fast;
use stderr::Stderr;
pub(crate) use throttle::Throttle;
use tracing::{Dispatch, level_filters::LevelFilter};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

/// The target of the lines about requests.
pub(crate) const TARGET: &str = "cartgate::access";

/// Lines that may wait to be written; what comes on top is dropped and counted.
const QUEUE: usize = 8192;

/// How lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// logfmt: key=value.
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
    dropped: Dropped,
}

/// Counts lines that were not written.
#[derive(Debug, Clone)]
struct Dropped {
    /// These found the queue full.
    queue: ErrorCounter,
    /// Standard error did not take these.
    stderr: Arc<stderr::Lost>,
}

impl Dropped {
    fn lines(&self) -> u64 {
        self.queue.dropped_lines() as u64 + self.stderr.lines()
    }
}

/// The reader of the lines.
#[derive(Debug, Clone, Copy, Default)]
struct Output {
    /// A terminal shows colours.
    colours: bool,
    /// journald reads priorities.
    journal: bool,
}

impl Log {
    /// Sends the process's log to standard error.
    #[must_use]
    pub fn start(format: Format, level: Level) -> Self {
        let output = Output {
            colours: std::io::IsTerminal::is_terminal(&std::io::stderr())
                && std::env::var_os("NO_COLOR").is_none(),
            journal: stderr::is_the_journal(),
        };
        let (stderr, lost) = Stderr::new(std::io::stderr());
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(QUEUE)
            .thread_name("cartgate-log")
            .finish(Batch::new(stderr));
        let dropped = Dropped {
            queue: writer.error_counter(),
            stderr: lost,
        };
        // A second log in one process is a test's; the first one stays.
        let log = dispatch(format, writer, output, level.into());
        let _ = tracing::dispatcher::set_global_default(log);
        Self {
            _writer: guard,
            dropped,
        }
    }

    /// Lines that were not written since the start: the queue was full, or standard error failed.
    #[must_use]
    pub fn dropped_lines(&self) -> u64 {
        self.dropped.lines()
    }

    /// Returns a function that reads how many lines were dropped since the start.
    pub fn dropped_lines_reader(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let dropped = self.dropped.clone();
        move || dropped.lines()
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

fn dispatch<W>(format: Format, writer: W, output: Output, level: LevelFilter) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(output.colours)
        .with_max_level(level);
    let journal = output.journal;
    match format {
        Format::Text => builder
            .map_event_format(|rest| Fast {
                format,
                journal,
                rest,
            })
            .into(),
        Format::Json => builder
            .json()
            .flatten_event(true)
            .map_event_format(|rest| Fast {
                format,
                journal,
                rest,
            })
            .into(),
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
