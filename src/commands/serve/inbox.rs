//! The inbox of a gate: opened before the gate serves, closed after everything else has ended.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use crate::{
    commands::outcome::Failure,
    inbox::{Inbox, Settings},
};

/// The time that the end of the process waits for the disk.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The interval at which [`close`] looks whether the last worker has ended.
const POLL: Duration = Duration::from_millis(1);

pub(super) async fn open(settings: Option<Settings>) -> Result<Option<Arc<Inbox>>, Failure> {
    match settings {
        Some(settings) => {
            let opened = Inbox::open(settings).await.map_err(Failure::usage)?;
            Ok(Some(Arc::new(opened)))
        }
        None => Ok(None),
    }
}

/// Waits until the workers, which end independently, have released the inbox, and closes it. If the
/// process ended earlier, the store's log would stay, and the next start would have to check the
/// store.
#[allow(
    clippy::disallowed_methods,
    reason = "the thread that sleeps exists only for this and serves no request"
)]
pub(super) fn close(inbox: Arc<Inbox>) {
    let (closing, closed) = sync_channel::<()>(1);
    // The process ends even if the disk blocks this thread.
    let begun = thread::Builder::new().spawn(move || {
        while Arc::strong_count(&inbox) > 1 {
            thread::sleep(POLL);
        }
        drop(inbox);
        drop(closing);
    });
    let late = closed.recv_timeout(TIMEOUT) == Err(RecvTimeoutError::Timeout);
    if late || begun.is_err() {
        tracing::warn!("inbox not closed in time; the next start checks it");
    }
}
