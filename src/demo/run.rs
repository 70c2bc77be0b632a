//! Runs both parts of the demonstration.

use std::io;

use super::{direct, gate::fresh_secret, inbox, report::Report};

/// Runs the whole demonstration.
///
/// # Errors
///
/// When this machine provides no sockets or threads for it. A fault of the gate is no error; the
/// [`Report`] shows it.
pub async fn run() -> io::Result<Report> {
    let secret = fresh_secret();
    let direct = direct::run(&secret).await?;
    let steps = inbox::run(&secret).await?;
    Ok(Report { direct, steps })
}
