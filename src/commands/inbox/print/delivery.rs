//! Deliveries as lines and as JSON.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;
use uuid::Uuid;

use super::text::{self, rfc3339, safe, shorten};
use crate::{delivery::event::DeliveryState, inbox::store::DeliveryRow, runtime::clock::Millis};

/// The headings of a list.
pub(crate) const HEADINGS: &str =
    "EVENT                                 AGE        STATE        LAST  DESTINATION";

/// Columns of the name of a destination.
const NAME: usize = 12;

/// Columns of a line.
const COLUMNS: usize = 80;

/// A delivery on one line, and the failure of its last attempt on a second line.
pub(crate) struct Line<'l> {
    pub(crate) row: &'l DeliveryRow,
    pub(crate) now: Millis,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let DeliveryRow {
            event,
            received,
            state,
            queue,
            ..
        } = self.row;
        let age = text::age(*received, self.now).to_string();
        let (state, last) = (text::state(*state), last_status(self.row));
        write!(
            f,
            "{event}  {age:<9}  {state:<11}  {last:<4}  {}",
            shorten(&text::destination(queue), NAME)
        )?;
        match failure(self.row) {
            Some(failure) => write!(f, "\n  {}", shorten(&failure, COLUMNS - 2)),
            None => Ok(()),
        }
    }
}

/// Returns the failure of the last attempt: its reason, the status, and the first line of the
/// response.
pub(super) fn failure(row: &DeliveryRow) -> Option<String> {
    let mut failure = safe(row.reason.as_deref()?);
    if let Some(status) = row.status {
        failure += &format!(" {status}");
    }
    if let Some(response) = &row.response {
        failure += &format!(": {}", safe(response));
    }
    Some(failure)
}

/// Returns the status of the last response, or `err` if the last attempt had nrow.
fn last_status(row: &DeliveryRow) -> String {
    match (row.status, row.last) {
        (Some(status), _) => status.to_string(),
        (None, None) => "-".to_owned(),
        (None, Some(_)) => "err".to_owned(),
    }
}

/// A delivery as JSON.
#[derive(Serialize)]
pub(crate) struct JsonRow<'l> {
    id: Uuid,
    endpoint: &'l str,
    destination: Option<&'l str>,
    kind: &'l str,
    state: DeliveryState,
    received: String,
    attempts: u32,
    due: Option<String>,
    last: Option<String>,
    status: Option<u16>,
    reason: Option<&'l str>,
    response: Option<&'l str>,
    copy: u32,
    seen: u32,
    first_received: String,
    size: u64,
}

impl<'l> From<&'l DeliveryRow> for JsonRow<'l> {
    fn from(row: &'l DeliveryRow) -> Self {
        Self {
            id: row.event,
            endpoint: &row.endpoint,
            destination: Some(&*row.queue).filter(|queue| !queue.is_empty()),
            kind: &row.kind,
            state: row.state,
            received: rfc3339(row.received),
            attempts: row.attempts,
            due: row.due.map(rfc3339),
            last: row.last.map(rfc3339),
            status: row.status,
            reason: row.reason.as_deref(),
            response: row.response.as_deref(),
            copy: row.copy,
            seen: row.seen,
            first_received: rfc3339(row.first_received),
            size: row.size,
        }
    }
}
