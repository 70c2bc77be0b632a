//! A frame of the event stream, serialized once for all viewers.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{causes::FoundCause, record::Record, row::Row, row_id::RowId};

/// One event, as `text/event-stream` has it.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    text: Bytes,
    /// The number of the last row in it, if it has any.
    last_row: Option<u64>,
    is_end: bool,
}

/// The data of an event about rows.
#[derive(Serialize)]
struct Rows<'a> {
    items: Vec<&'a Row>,
    /// The requests that have no row.
    skipped: u64,
}

impl Frame {
    /// Makes an event with this name and data.
    pub(crate) fn event(name: &str, data: &impl Serialize) -> Self {
        Self::new(name, "", data, None)
    }

    /// Makes the event of the records that follow the row `after`. Its id is the name of the last
    /// one, with which a client resumes.
    pub(super) fn rows(after: RowId, records: &[Arc<Record>], skipped: u64) -> Self {
        let last_row = records.last().map(|last| last.number);
        let id = RowId {
            number: last_row.unwrap_or(after.number),
            ..after
        };
        let rows = Rows {
            items: records.iter().map(|record| &record.row).collect(),
            skipped,
        };
        Self::new("deliveries", &format!("id: {id}\n"), &rows, last_row)
    }

    /// Makes the event of a cause that was found.
    pub(super) fn cause(found: &FoundCause) -> Self {
        Self::event("cause", found)
    }

    /// Makes the last event of a stream.
    pub(super) fn end() -> Self {
        Self {
            is_end: true,
            ..Self::event("end", &serde_json::json!({}))
        }
    }

    fn new(name: &str, id: &str, data: &impl Serialize, last_row: Option<u64>) -> Self {
        // JSON in one line: a line feed in a text is escaped.
        let json = serde_json::to_string(data).expect("all keys of an event are text");
        Self {
            text: format!("event: {name}\n{id}data: {json}\n\n").into(),
            last_row,
            is_end: false,
        }
    }

    /// Returns the bytes of the stream.
    pub(crate) fn into_text(self) -> Bytes {
        self.text
    }

    /// Whether a viewer that has all rows up to this number needs the frame.
    pub(super) fn is_news_after(&self, number: u64) -> bool {
        self.last_row.is_none_or(|last| last > number)
    }

    /// Whether the stream ends after the frame.
    pub(super) fn is_end(&self) -> bool {
        self.is_end
    }
}
