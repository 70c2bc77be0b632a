//! Connects the events of the process with their formatter and writer.

use tracing::{Dispatch, level_filters::LevelFilter};
use tracing_subscriber::fmt::MakeWriter;

use super::{formatter::Formatter, options::Format};

/// The reader of the lines.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Output {
    /// Whether it is a terminal that shows colours.
    pub(super) colours: bool,
    /// Whether it is journald, which reads priorities.
    pub(super) journal: bool,
}

/// Creates a dispatcher that writes events of at least this level.
pub(super) fn dispatch<W>(format: Format, writer: W, output: Output, level: LevelFilter) -> Dispatch
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
            .map_event_format(|standard| Formatter {
                format,
                journal,
                standard,
            })
            .into(),
        Format::Json => builder
            .json()
            .flatten_event(true)
            .map_event_format(|standard| Formatter {
                format,
                journal,
                standard,
            })
            .into(),
    }
}
