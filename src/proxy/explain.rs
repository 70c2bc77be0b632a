//! The explainer of mismatches (`--explain`), which logs the likely cause of a mismatch.
//!
//! A diagnosis hashes a body dozens of times, and attackers choose when. It therefore runs at most
//! once a second, on a thread of its own. It reads unverified bytes and only names a cause.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
    mpsc::{Receiver, SyncSender, sync_channel},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{doctor, endpoint::Endpoint};

/// A handle that passes mismatches to the thread.
#[derive(Debug)]
pub(crate) struct Explainer {
    cases: SyncSender<Case>,
    started: Instant,
    /// The first second since the start in which another case is allowed.
    next: AtomicU64,
}

/// A mismatch to diagnose.
struct Case {
    id: Uuid,
    endpoint: Arc<Endpoint>,
    presented: Option<HeaderValue>,
    body: Vec<u8>,
}

impl Explainer {
    pub(crate) fn start() -> Self {
        let (cases, rx) = sync_channel(1);
        let name = "cartgate-doctor".to_owned();
        if let Err(error) = std::thread::Builder::new()
            .name(name)
            .spawn(move || diagnose(&rx))
        {
            tracing::error!(%error, "mismatches are not explained: thread not started");
        }
        Self {
            cases,
            started: Instant::now(),
            next: AtomicU64::new(0),
        }
    }

    /// Passes a mismatch to the thread, unless it had one in this second or is still busy.
    pub(crate) fn explain(
        &self,
        id: Uuid,
        endpoint: &Arc<Endpoint>,
        headers: &HeaderMap,
        forged: &[Bytes],
    ) {
        // A longer body is not diagnosed, and copying it would delay a worker.
        if forged.iter().map(Bytes::len).sum::<usize>() > doctor::MAX_BODY {
            return;
        }
        let second = self.started.elapsed().as_secs();
        let next = self.next.load(Relaxed);
        let free = second >= next
            && self
                .next
                .compare_exchange(next, second + 1, Relaxed, Relaxed)
                .is_ok();
        if free {
            // A busy thread skips this case.
            let _ = self.cases.try_send(Case {
                id,
                endpoint: Arc::clone(endpoint),
                presented: headers.get(endpoint.policy.header()).cloned(),
                body: forged.concat(),
            });
        }
    }
}

fn diagnose(rx: &Receiver<Case>) {
    while let Ok(case) = rx.recv() {
        let presented = case.presented.as_ref().map(HeaderValue::as_bytes);
        let diagnosis = doctor::diagnose(&case.endpoint.secrets, presented, &case.body);
        tracing::warn!(
            target: "cartgate::explain",
            delivery = %case.id,
            endpoint = &*case.endpoint.name,
            cause = diagnosis.cause().as_str(),
            "{diagnosis}"
        );
    }
}
