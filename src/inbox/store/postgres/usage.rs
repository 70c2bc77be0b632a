//! Reads the totals over all gates.

use tokio_postgres::{Error, Row};

use super::{row::number, session::Session};
use crate::inbox::store::usage::Usage;

pub(super) const SUM: &str = "SELECT coalesce(sum(events), 0)::bigint AS events, \
    coalesce(sum(bytes), 0)::bigint AS bytes FROM usage";

pub(super) async fn read(session: &Session) -> Result<Usage, Error> {
    Ok(of(&session.query(SUM, &[]).await?))
}

/// Reads the result of [`SUM`].
pub(super) fn of(rows: &[Row]) -> Usage {
    let usage = |row| Usage {
        events: number::<i64, _>(row, "events"),
        bytes: number::<i64, _>(row, "bytes"),
    };
    rows.first().map(usage).unwrap_or_default()
}
