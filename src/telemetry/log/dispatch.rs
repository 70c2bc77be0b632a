//! Connects the events of the process with their formatter and the queue.

use std::sync::Arc;

use tracing::{Dispatch, level_filters::LevelFilter};

use super::{
    formatter::Formatter,
    line_queue::{LineQueue, QueueWriter},
    options::{Format, Output},
    subscriber::LogSubscriber,
};

/// Creates a dispatcher that adds the lines of events of at least this level to the queue.
pub(super) fn dispatch(
    format: Format,
    queue: &Arc<LineQueue>,
    output: Output,
    level: LevelFilter,
) -> Dispatch {
    let journal = output.journal;
    let others = tracing_subscriber::fmt()
        .with_writer(QueueWriter(Arc::clone(queue)))
        .with_ansi(false)
        .with_max_level(level)
        .json()
        .flatten_event(true)
        .map_event_format(|standard| Formatter { journal, standard })
        .finish();
    Dispatch::new(LogSubscriber {
        format,
        output,
        queue: Arc::clone(queue),
        others,
    })
}
