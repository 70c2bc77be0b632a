//! Deliveries as lines.

use std::fmt::{self, Display, Formatter};

use super::text::{self, safe, shorten};
use crate::{inbox::operations::StoredDelivery, runtime::clock::Millis};

/// The headings of a list.
pub(crate) const HEADINGS: &str =
    "EVENT                                 AGE        STATE        LAST  DESTINATION";

/// Columns of the name of a destination.
const NAME: usize = 12;

/// Columns of a line.
const COLUMNS: usize = 80;

/// A delivery on one line, and the failure of its last attempt on a second line.
pub(crate) struct Line<'l> {
    pub(crate) row: &'l StoredDelivery,
    pub(crate) now: Millis,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let StoredDelivery {
            id,
            received,
            state,
            destination,
            ..
        } = self.row;
        let age = text::age(*received, self.now).to_string();
        let (state, last) = (state.as_str(), last_status(self.row));
        write!(
            f,
            "{id}  {age:<9}  {state:<11}  {last:<4}  {}",
            shorten(&text::destination(destination.as_deref()), NAME)
        )?;
        match failure(self.row) {
            Some(failure) => write!(f, "\n  {}", shorten(&failure, COLUMNS - 2)),
            None => Ok(()),
        }
    }
}

/// Returns the failure of the last attempt: its reason, the status, and the first line of the
/// response.
pub(super) fn failure(row: &StoredDelivery) -> Option<String> {
    let response = row.response.as_deref();
    Some(cause_of(row.reason.as_deref()?, row.status, response))
}

/// Returns the cause of a failed attempt on one line.
pub(super) fn cause_of(reason: &str, status: Option<u16>, response: Option<&str>) -> String {
    let mut failure = safe(reason);
    if let Some(status) = status {
        failure += &format!(" {status}");
    }
    if let Some(response) = response {
        failure += &format!(": {}", safe(response));
    }
    failure
}

/// Returns the status of the last response, or `err` if the last attempt had none.
fn last_status(row: &StoredDelivery) -> String {
    match (row.status, row.last) {
        (Some(status), _) => status.to_string(),
        (None, None) => "-".to_owned(),
        (None, Some(_)) => "err".to_owned(),
    }
}
