//! The inbox of a gate that is run: opened before anything is served, closed after all else has ended.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use super::Failure;
use crate::inbox::{Inbox, Settings};

/// How long an end waits for the disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks whether the last worker has let go.
const LOOK: Duration = Duration::from_millis(1);

pub(super) async fn open(settings: Option<Settings>) -> Result<Option<Arc<Inbox>>, Failure> {
    match settings {
        Some(settings) => {
            let opened = Inbox::open(settings).await.map_err(Failure::usage)?;
            Ok(Some(Arc::new(opened)))
        }
        None => Ok(None),
    }
}

/// Waits until the workers, which end each in its own time, have let go of it, and closes it. Were the process to end before
/// that, the store's log would stay behind, and the next start would have to look the store over.
#[allow(
    clippy::disallowed_methods,
    reason = "the thread that sleeps is one of its own and serves nobody"
)]
pub(super) fn close(inbox: Arc<Inbox>) {
    let (closing, closed) = sync_channel::<()>(1);
    // A thread that a disk holds up is left behind, for a process that ends.
    let begun = thread::Builder::new().spawn(move || {
        while Arc::strong_count(&inbox) > 1 {
            thread::sleep(LOOK);
        }
        drop(inbox);
        drop(closing);
    });
    let late = closed.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
    if late || begun.is_err() {
        tracing::warn!("the inbox was not closed in time: the next start looks it over");
    }
}
