//! Detects a pooler that gives a session another server process for each transaction, such as PgBouncer in transaction mode.
//! Prepared statements and settings stay behind in the process, so most statements would fail and some would run unsynced.

use tokio_postgres::{Error, SimpleQueryMessage};

use super::{open_error::Why, session::Session};

/// Makes sure that each session keeps a server process of its own.
///
/// # Errors
///
/// [`Why::Pooler`] if two share one, or one changes its own.
pub(super) async fn detect([first, second, third]: [&Session; 3]) -> Result<(), Why> {
    let own = process(first).await?;
    let mut seen = vec![own.clone()];
    // A transaction keeps its process. A pooler would take the one that the first session has just used.
    for holder in [second, third] {
        holder.begin().await?;
        let process = process(holder).await?;
        if seen.contains(&process) {
            return Err(Why::Pooler);
        }
        seen.push(process);
    }
    let same = process(first).await? == own;
    second.rollback().await?;
    third.rollback().await?;
    if same { Ok(()) } else { Err(Why::Pooler) }
}

/// The number of the server process. Asked without a prepared statement.
async fn process(session: &Session) -> Result<Option<String>, Error> {
    let rows = session.client.simple_query("SELECT pg_backend_pid()");
    Ok(rows.await?.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
