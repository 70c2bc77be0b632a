//! The options of the log.

use tracing::level_filters::LevelFilter;

/// The format of log lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// logfmt: key=value
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// The least severe level that is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// Only problems that need a person
    Error,
    /// Also problems that may soon need a person
    Warn,
    /// Also normal events
    #[default]
    Info,
    /// Also details
    Debug,
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

/// The reader of the lines.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Output {
    /// Whether it is a terminal that shows colours.
    pub(super) colours: bool,
    /// Whether it is journald, which reads priorities.
    pub(super) journal: bool,
}
