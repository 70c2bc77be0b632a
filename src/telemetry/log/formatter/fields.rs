//! The parts that all formats share.

use std::{
    cell::RefCell,
    fmt::{Debug, Write as _},
    marker::PhantomData,
    time::{Duration, SystemTime},
};

use tracing::{
    Event,
    field::{Field, Visit},
};

/// The syntax of a field.
pub(super) trait FieldFormat {
    /// Writes the separator before a field, its name, and the separator before its value.
    fn write_name(line: &mut String, name: &str);

    /// Writes a string value.
    fn write_str(line: &mut String, value: &str);

    /// Writes a value as its `Debug` shows it. A `Display` value has such a `Debug`.
    fn write_debug(line: &mut String, value: &dyn Debug);
}

/// Writes all fields of an event.
pub(super) fn write_fields<F: FieldFormat>(line: &mut String, event: &Event<'_>) {
    event.record(&mut FieldVisitor::<F> {
        line,
        format: PhantomData,
    });
}

/// Writes each field that it visits.
struct FieldVisitor<'a, F> {
    line: &'a mut String,
    format: PhantomData<F>,
}

impl<F: FieldFormat> FieldVisitor<'_, F> {
    fn write_number(&mut self, field: &Field, value: impl itoa::Integer) {
        F::write_name(self.line, field.name());
        self.line.push_str(itoa::Buffer::new().format(value));
    }
}

impl<F: FieldFormat> Visit for FieldVisitor<'_, F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        F::write_name(self.line, field.name());
        write_float(self.line, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write_number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write_number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        F::write_name(self.line, field.name());
        self.line.push_str(if value { "true" } else { "false" });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        F::write_name(self.line, field.name());
        F::write_str(self.line, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        F::write_name(self.line, field.name());
        F::write_debug(self.line, value);
    }
}

/// Writes a number as its `Debug` shows it. Durations are numbers of thousandths, which need no
/// search for the shortest digits.
fn write_float(line: &mut String, value: f64) {
    /// The bound below which all thousandths have at most 15 digits. A number with so many has no
    /// shorter text.
    const EXACT: u64 = 1_000_000_000_000_000;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number that is changed by this is found below"
    )]
    let thousandths = (value * 1e3 + 0.5) as u64;
    #[expect(clippy::cast_precision_loss, reason = "smaller numbers are exact")]
    let is_exact = thousandths < EXACT && (thousandths as f64 / 1e3).to_bits() == value.to_bits();
    if !is_exact {
        let _ = write!(line, "{value:?}");
        return;
    }
    line.push_str(itoa::Buffer::new().format(thousandths / 1000));
    line.push('.');
    push_digits::<3>(line, thousandths);
    while line.ends_with('0') && !line.ends_with(".0") {
        line.pop();
    }
}

thread_local! {
    /// The last second of which a time was written, and its text up to the point.
    static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// Writes the current time.
pub(super) fn write_time(line: &mut String) {
    // A clock before 1970 would make humantime panic.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() {
            *second = now.as_secs();
            text.clear();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(*second);
            let _ = write!(text, "{}", humantime::format_rfc3339_seconds(time));
            text.truncate(text.len().saturating_sub(1));
            text.push('.');
        }
        line.push_str(text);
    });
    push_digits::<6>(line, now.subsec_micros().into());
    line.push('Z');
}

/// Writes the last `N` digits of a number.
fn push_digits<const N: usize>(line: &mut String, mut number: u64) {
    let mut digits = [0; N];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
    line.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_looks_like_its_debug() {
        let millis = (0_u64..3_000).chain([10_000, 12_340, 999_999_999, 123_456_789_012_345]);
        let millis = millis.map(|micros| micros as f64 / 1e3);
        let others = [
            -0.0,
            -1.5,
            0.1 + 0.2,
            1e-7,
            1e15,
            1e16,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::NAN,
            f64::INFINITY,
            1.0 / 3.0,
        ];
        for value in millis.chain(others) {
            let mut line = String::new();
            write_float(&mut line, value);
            assert_eq!(line, format!("{value:?}"));
        }
    }

    #[test]
    fn a_time_has_the_form_of_humantime() {
        let before = SystemTime::now();
        let mut line = String::new();
        write_time(&mut line);
        let time = humantime::parse_rfc3339(&line).expect("a time");
        assert!(time + Duration::from_micros(1) > before && time <= SystemTime::now());
        assert_eq!(line, humantime::format_rfc3339_micros(time).to_string());
    }

    #[test]
    fn digits_keep_their_zeros() {
        let mut line = String::new();
        push_digits::<6>(&mut line, 42);
        assert_eq!(line, "000042");
    }
}
