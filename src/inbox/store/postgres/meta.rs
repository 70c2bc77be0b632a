//! Named values, such as the check value of the key, in the table `meta`.

use futures_util::future::try_join;
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::session::Session;
use crate::inbox::store::sql::requeue_key;

/// Stores a value under a name, in place of an earlier one.
const SET: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// Stores a value under a name, unless the name has one. Returns the name's value.
pub(super) async fn init(session: &Session, name: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
    let put = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    let put = session.statement(put).await?;
    let get = "SELECT value FROM meta WHERE name = $1";
    let get = session.statement(get).await?;
    let client = &session.client;
    let (_, row) = try_join(
        client.execute(&put, &[&name, &value]),
        client.query_one(&get, &[&name]),
    )
    .await?;
    Ok(row.get(0))
}

/// Stores a value under a name, in place of an earlier one.
pub(super) async fn set(session: &Session, name: &str, value: &[u8]) -> Result<(), Error> {
    session.execute(SET, &[&name, &value]).await?;
    Ok(())
}

/// Replaces the value of a name, or removes it, if the name still has the expected value. One
/// statement does both, so of several gates one succeeds.
pub(super) async fn replace(
    session: &Session,
    name: &str,
    expected: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Result<bool, Error> {
    const ADD: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    const THERE: &str = "SELECT 1 FROM meta WHERE name = $1";
    const CHANGE: &str = "UPDATE meta SET value = $3 WHERE name = $1 AND value = $2";
    const REMOVE: &str = "DELETE FROM meta WHERE name = $1 AND value = $2";
    let changed = match (expected, value) {
        (None, None) => return Ok(session.query(THERE, &[&name]).await?.is_empty()),
        (None, Some(value)) => session.execute(ADD, &[&name, &value]).await?,
        (Some(old), Some(new)) => session.execute(CHANGE, &[&name, &old, &new]).await?,
        (Some(old), None) => session.execute(REMOVE, &[&name, &old]).await?,
    };
    Ok(changed == 1)
}

/// Returns the values whose names have this beginning.
pub(super) async fn list(session: &Session, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let sql = "SELECT name, value FROM meta WHERE left(name, length($1)) = $1 ORDER BY name";
    let rows = session.query(sql, &[&prefix]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Returns the id of the last requeue that affected a queue.
pub(super) async fn last_requeue(session: &Session, queue: &str) -> Result<Option<Uuid>, Error> {
    let sql = "SELECT value FROM meta WHERE name = $1";
    let rows = session.query(sql, &[&requeue_key(queue)]).await?;
    let id = |row: &Row| Uuid::from_slice(row.get(0)).ok();
    Ok(rows.first().and_then(id))
}

/// Records that a requeue affected a queue, so that every gate notices it.
pub(super) async fn record_requeue(session: &Session, queue: &str) -> Result<(), Error> {
    let id = Uuid::now_v7().into_bytes();
    session
        .execute(SET, &[&requeue_key(queue), &id.as_slice()])
        .await?;
    Ok(())
}
