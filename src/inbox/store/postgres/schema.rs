//! The tables of a PostgreSQL store and their version. The first gate that opens a database creates
//! them; tables of another version are rejected.

use super::{open_error::OpenErrorKind, session::Session};
use crate::inbox::store::schema_version;

const TABLES: &str = include_str!("schema.sql");

/// The advisory lock of a gate that creates the tables: "cartgate" as a number.
const LOCK: i64 = 0x6361_7274_6761_7465;

/// The name of the version in the table `meta`.
const VERSION: &str = "cartgate-schema";

/// Creates the tables if there are none, after a check that existing ones are those of an inbox.
pub(super) async fn prepare(session: &Session) -> Result<(), OpenErrorKind> {
    const NOTE: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";
    session.begin().await?;
    session
        .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
        .await?;
    let found = version(session).await?;
    schema_version::check(found)?;
    if found == 0 {
        session.client.batch_execute(TABLES).await?;
        let value = schema_version::CURRENT.to_string().into_bytes();
        session.execute(NOTE, &[&VERSION, &value]).await?;
    }
    Ok(session.commit().await?)
}

/// Checks that a session that is opened later finds the tables of this version.
///
/// # Errors
///
/// When they are gone, or another Cartgate has changed them.
pub(super) async fn verify(session: &Session) -> Result<(), OpenErrorKind> {
    match version(session).await? {
        0 => Err(OpenErrorKind::Gone),
        found => Ok(schema_version::check(found)?),
    }
}

/// Reads the version of the tables. Returns zero if there are none.
async fn version(session: &Session) -> Result<u32, OpenErrorKind> {
    let rows = session
        .query(
            "SELECT c.relname::text, (SELECT count(*) FROM pg_attribute a
                 WHERE a.attrelid = c.oid AND a.attname IN ('name', 'value') AND a.attnum > 0)
             FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relname IN
                 ('meta', 'body', 'event', 'delivery', 'mark', 'usage')",
            &[],
        )
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let is_meta =
        |row: &tokio_postgres::Row| row.get::<_, &str>(0) == "meta" && row.get::<_, i64>(1) == 2;
    if !rows.iter().any(is_meta) {
        return Err(OpenErrorKind::Foreign);
    }
    let text = "SELECT value FROM meta WHERE name = $1";
    let rows = session.query(text, &[&VERSION]).await?;
    let value = rows.first().and_then(|row| row.try_get::<_, &[u8]>(0).ok());
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok())
        .ok_or(OpenErrorKind::Foreign)
}

/// Logs a warning for each setting of the server that lets a power cut undo commits.
pub(super) async fn warn_of_unsafe_settings(session: &Session) -> Result<(), OpenErrorKind> {
    for setting in ["fsync", "full_page_writes"] {
        let sql = "SELECT current_setting($1)";
        let rows = session.query(sql, &[&setting]).await?;
        if rows.iter().any(|row| row.get::<_, &str>(0) == "off") {
            tracing::warn!(
                setting,
                "PostgreSQL setting is off; a power cut can lose acknowledged events"
            );
        }
    }
    Ok(())
}
