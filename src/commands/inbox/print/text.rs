//! Text of cells: names, times, ages and shortened lines.

use crate::{
    admin::status::Span,
    runtime::clock::{Millis, system_time},
    text::{rfc3339::millis, terminal::printable},
};

/// Returns the name of a destination, or `(none)`.
pub(super) fn destination(name: Option<&str>) -> String {
    name.map_or_else(|| "(none)".to_owned(), safe)
}

/// Shortens a text to this number of characters.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

pub(super) fn age(then: Millis, now: Millis) -> Span {
    let seconds = |time: Millis| u64::try_from(time / 1000).unwrap_or_default();
    Span::since(seconds(then), seconds(now))
}

pub(super) fn rfc3339(time: Millis) -> String {
    millis(system_time(time))
}

/// Makes untrusted text safe for a terminal.
pub(super) fn safe(text: &str) -> String {
    printable(text.as_bytes())
}
