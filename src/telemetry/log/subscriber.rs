//! The subscriber of the process. It writes lines itself, except those of JSON that are not about
//! requests.
//!
//! `tracing-subscriber` writes those, and knows the spans of libraries, which no line shows.

use std::{cell::RefCell, sync::Arc};

use tracing::{
    Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

use super::{
    formatter::{json, logfmt, priority},
    line_queue::LineQueue,
    options::{Format, Output},
    target::TARGET,
};

/// Adds the line of each event to the queue.
pub(super) struct LogSubscriber<S> {
    pub(super) format: Format,
    pub(super) output: Output,
    pub(super) queue: Arc<LineQueue>,
    /// The subscriber of `tracing-subscriber`, which decides on the level.
    pub(super) others: S,
}

thread_local! {
    /// The line that is being written.
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl<S> LogSubscriber<S> {
    fn log(&self, line: &mut String, event: &Event<'_>) {
        line.clear();
        if self.output.journal {
            line.push_str(priority(event.metadata().level()));
        }
        match self.format {
            Format::Text => logfmt::write(line, event, self.output.colours),
            Format::Json => json::write(line, event),
        }
        self.queue.push(line);
    }
}

impl<S: Subscriber> Subscriber for LogSubscriber<S> {
    fn event(&self, event: &Event<'_>) {
        if self.format == Format::Json && !is_request(event) {
            return self.others.event(event);
        }
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => self.log(&mut line, event),
            // The text of a value has caused an event of its own.
            Err(_) => self.log(&mut String::new(), event),
        });
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.others.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.others.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.others.max_level_hint()
    }

    fn event_enabled(&self, event: &Event<'_>) -> bool {
        self.others.event_enabled(event)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.others.new_span(span)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.others.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.others.record_follows_from(span, follows);
    }

    fn enter(&self, span: &Id) {
        self.others.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.others.exit(span);
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.others.clone_span(id)
    }

    fn try_close(&self, id: Id) -> bool {
        self.others.try_close(id)
    }
}

/// Returns whether the event is the line of a request, which has no message.
fn is_request(event: &Event<'_>) -> bool {
    let metadata = event.metadata();
    metadata.target() == TARGET && metadata.fields().field("message").is_none()
}
