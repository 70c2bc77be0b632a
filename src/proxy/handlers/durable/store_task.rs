//! The task that stores a delivery, whether or not its client waits for the response.
//!
//! hyper drops the future of a request when its connection breaks. The task goes on, and its join
//! handle is the only way to its outcome: the handler awaits it, or, if the client has left, a
//! second task awaits it and logs the outcome.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{runtime::Handle, task::JoinHandle};
use uuid::Uuid;

use super::intake::Intake;
use crate::{
    outcome::reject_reason::{NotStored, RejectReason},
    proxy::outcome::RequestOutcome,
};

/// A future of the outcome of a task that stores a delivery.
pub(super) struct StoreTask {
    id: Uuid,
    endpoint: Arc<str>,
    /// None once the outcome is known.
    handle: Option<JoinHandle<RequestOutcome>>,
}

/// Starts the task for a delivery.
pub(super) fn spawn(intake: Intake) -> StoreTask {
    StoreTask {
        id: intake.id(),
        endpoint: Arc::clone(&intake.endpoint().name),
        handle: Some(tokio::spawn(intake.store())),
    }
}

impl Future for StoreTask {
    type Output = RequestOutcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RequestOutcome> {
        let handle = self.handle.as_mut();
        let handle = handle.expect("a future is not polled after it was ready");
        let outcome = match Pin::new(handle).poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(outcome)) => outcome,
            Poll::Ready(Err(error)) => RequestOutcome::Failed {
                reason: RejectReason::NotStored(NotStored::Unavailable),
                cause: error.to_string(),
            },
        };
        self.handle = None;
        Poll::Ready(outcome)
    }
}

/// Logs the outcome once it is known, if the client leaves before.
impl Drop for StoreTask {
    fn drop(&mut self) {
        // Without a runtime, the task ends as well.
        let (Some(handle), Ok(runtime)) = (self.handle.take(), Handle::try_current()) else {
            return;
        };
        let (id, endpoint) = (self.id, Arc::clone(&self.endpoint));
        runtime.spawn(async move {
            if let Ok(outcome) = handle.await {
                log(&outcome, id, &endpoint);
            }
        });
    }
}

fn log(outcome: &RequestOutcome, id: Uuid, endpoint: &str) {
    match outcome {
        RequestOutcome::Failed { reason, cause } => tracing::error!(
            delivery = %id, endpoint, reason = reason.reason(), cause,
            "not stored, and the client has left"
        ),
        RequestOutcome::Duplicate { of } => tracing::info!(
            delivery = %id, endpoint, %of,
            "duplicate dropped after the client had left"
        ),
        _ => tracing::info!(delivery = %id, endpoint, "stored after the client had left"),
    }
}
