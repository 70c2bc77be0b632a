//! The parts that all formats share.

use std::{fmt, time::SystemTime};

use tracing_subscriber::fmt::format::Writer;

/// The destination of an event's fields. It keeps the first error, because a visitor returns none.
pub(super) struct FieldWriter<'a, 'w> {
    writer: &'a mut Writer<'w>,
    pub(super) result: fmt::Result,
}

impl<'a, 'w> FieldWriter<'a, 'w> {
    pub(super) fn new(writer: &'a mut Writer<'w>) -> Self {
        Self {
            writer,
            result: Ok(()),
        }
    }

    /// Calls `write`, unless an earlier call has failed.
    pub(super) fn put(&mut self, write: impl FnOnce(&mut Writer<'w>) -> fmt::Result) {
        self.result = self.result.and_then(|()| write(self.writer));
    }
}

pub(super) fn write_time(writer: &mut Writer<'_>) -> fmt::Result {
    // A clock before 1970 would make humantime panic.
    let now = SystemTime::now().max(SystemTime::UNIX_EPOCH);
    write!(writer, "{}", humantime::format_rfc3339_micros(now))
}
