//! The parts that all formats share.

use std::{
    fmt::{self, Debug},
    marker::PhantomData,
    time::SystemTime,
};

use tracing::{
    Event,
    field::{Field, Visit},
};
use tracing_subscriber::fmt::format::Writer;

/// The syntax of a field.
pub(super) trait FieldFormat {
    /// Writes the separator before a field, its name, and the separator before its value.
    fn write_name(writer: &mut Writer<'_>, name: &str) -> fmt::Result;

    /// Writes a string value.
    fn write_str(writer: &mut Writer<'_>, value: &str) -> fmt::Result;

    /// Writes a value as its `Debug` shows it. A `Display` value has such a `Debug`.
    fn write_debug(writer: &mut Writer<'_>, value: &dyn Debug) -> fmt::Result;
}

/// Writes all fields of an event.
pub(super) fn write_fields<F: FieldFormat>(
    writer: &mut Writer<'_>,
    event: &Event<'_>,
) -> fmt::Result {
    let mut visitor = FieldVisitor::<F> {
        writer,
        result: Ok(()),
        format: PhantomData,
    };
    event.record(&mut visitor);
    visitor.result
}

/// Writes each field that it visits. It keeps the first error, because a visitor returns none.
struct FieldVisitor<'a, 'w, F> {
    writer: &'a mut Writer<'w>,
    result: fmt::Result,
    format: PhantomData<F>,
}

impl<F: FieldFormat> FieldVisitor<'_, '_, F> {
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result =
                F::write_name(self.writer, field.name()).and_then(|()| write(self.writer));
        }
    }

    fn put_number(&mut self, field: &Field, value: impl Debug) {
        self.put(field, |writer| write!(writer, "{value:?}"));
    }
}

impl<F: FieldFormat> Visit for FieldVisitor<'_, '_, F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put_number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_number(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |writer| F::write_str(writer, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |writer| F::write_debug(writer, value));
    }
}

/// Writes the current time.
pub(super) fn write_time(writer: &mut Writer<'_>) -> fmt::Result {
    // A clock before 1970 would make humantime panic.
    let now = SystemTime::now().max(SystemTime::UNIX_EPOCH);
    write!(writer, "{}", humantime::format_rfc3339_micros(now))
}
