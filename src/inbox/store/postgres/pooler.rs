//! Detects a pooler that gives a session another server process for each transaction or statement,
//! such as PgBouncer in transaction or statement mode.
//!
//! Prepared statements and settings stay behind in the process, so most statements would fail and
//! some would run unsynced.

use tokio_postgres::{Error, SimpleQueryMessage, error::SqlState};

use super::{open_error::OpenErrorKind, session::Session};

/// Checks that each session keeps a server process of its own.
///
/// # Errors
///
/// [`OpenErrorKind::Pooler`] if two sessions share a process, one changes its own, or the pooler
/// rejects transactions.
pub(super) async fn detect([first, second, third]: [&Session; 3]) -> Result<(), OpenErrorKind> {
    let own = process(first).await?;
    let mut seen = vec![own.clone()];
    // A transaction keeps its process. A pooler would choose the one that the first session has
    // just used.
    for holder in [second, third] {
        holder.begin().await.map_err(begin_error)?;
        let process = process(holder).await?;
        if seen.contains(&process) {
            return Err(OpenErrorKind::Pooler);
        }
        seen.push(process);
    }
    let is_same = process(first).await? == own;
    second.rollback().await?;
    third.rollback().await?;
    if is_same {
        Ok(())
    } else {
        Err(OpenErrorKind::Pooler)
    }
}

/// Recognizes PgBouncer in statement mode, which rejects every transaction. A server has no such
/// error for a `BEGIN`.
fn begin_error(error: Error) -> OpenErrorKind {
    if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) {
        return OpenErrorKind::Pooler;
    }
    error.into()
}

/// Returns the number of the server process, without a prepared statement.
async fn process(session: &Session) -> Result<Option<String>, Error> {
    let rows = session.client.simple_query("SELECT pg_backend_pid()");
    Ok(rows.await?.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
