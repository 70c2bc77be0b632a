//! The tables and their version. The first gate that opens a database makes them; tables of another version are refused.

use super::{open_error::Why, session::Session};

const TABLES: &str = include_str!("schema.sql");

/// The version of these tables. Development builds before the first release made version 1, with fewer columns.
const KNOWN: usize = 2;

/// Held by whoever makes or changes the tables: "cartgate" as a number.
const LOCK: i64 = 0x6361_7274_6761_7465;

/// Under which name the version stands.
const VERSION: &str = "cartgate-schema";

/// Makes the tables if there are none, after making sure that they are an inbox's.
pub(super) async fn prepare(session: &Session) -> Result<(), Why> {
    const NOTE: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";
    session.begin().await?;
    session
        .execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])
        .await?;
    let found = version(session).await?;
    judge(found)?;
    if found == 0 {
        session.client.batch_execute(TABLES).await?;
        let value = KNOWN.to_string().into_bytes();
        session.execute(NOTE, &[&VERSION, &value]).await?;
    }
    Ok(session.commit().await?)
}

/// Refuses the tables of another version. Zero stands for a database without tables.
fn judge(found: usize) -> Result<(), Why> {
    let known = KNOWN;
    match found {
        0 | KNOWN => Ok(()),
        1..KNOWN => Err(Why::Earlier { found, known }),
        _ => Err(Why::Newer { found, known }),
    }
}

/// Makes sure that a session that is opened later finds the tables of this version.
///
/// # Errors
///
/// When they are gone, or another Cartgate has changed them.
pub(super) async fn verify(session: &Session) -> Result<(), Why> {
    match version(session).await? {
        0 => Err(Why::Gone),
        found => judge(found),
    }
}

/// Which version a database has; none of them if it has none of the tables.
async fn version(session: &Session) -> Result<usize, Why> {
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
        return Err(Why::Foreign);
    }
    let text = "SELECT value FROM meta WHERE name = $1";
    let rows = session.query(text, &[&VERSION]).await?;
    let value = rows.first().and_then(|row| row.try_get::<_, &[u8]>(0).ok());
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).ok_or(Why::Foreign)
}

/// What does not hold what a commit promises is said aloud.
pub(super) async fn warn(session: &Session) -> Result<(), Why> {
    for setting in ["fsync", "full_page_writes"] {
        let sql = "SELECT current_setting($1)";
        let rows = session.query(sql, &[&setting]).await?;
        if rows.iter().any(|row| row.get::<_, &str>(0) == "off") {
            tracing::warn!(
                setting,
                "PostgreSQL runs with this setting off: a power cut can take events that were acknowledged"
            );
        }
    }
    Ok(())
}
