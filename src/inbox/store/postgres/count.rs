//! Counts selected deliveries.

use tokio_postgres::Error;

use super::{conditions::Conditions, row::number, session::Session};
use crate::inbox::store::selection::Selection;

/// Counts the selected deliveries. Reads the events only if a condition is about them.
pub(super) async fn count(session: &Session, selection: &Selection) -> Result<u64, Error> {
    let conditions = Conditions::of(selection);
    let events = if selection.needs_event() {
        "JOIN event AS e ON e.id = d.event"
    } else {
        ""
    };
    let sql = format!(
        "SELECT count(*) AS count FROM delivery AS d {events} WHERE true{}",
        conditions.sql
    );
    let row = session.client.query_one(&sql, &conditions.values()).await?;
    Ok(number::<i64, _>(&row, "count"))
}
