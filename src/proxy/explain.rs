//! The explainer of mismatches, which finds the likely cause of a mismatch for the log (`--explain`)
//! and for those who watch the gate.
//!
//! A diagnosis hashes a body dozens of times, and attackers choose when. It therefore runs at most
//! once a second, on a thread of its own. It reads unverified bytes and only names a cause.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
    mpsc::{Receiver, SyncSender, sync_channel},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    doctor::{self, Diagnosis},
    endpoint::Endpoint,
    proxy::recorder::Recorder,
};

/// A handle that passes mismatches to the thread.
#[derive(Debug)]
pub(crate) struct Explainer {
    /// The way to the thread, which starts with the first mismatch to explain.
    cases: OnceLock<SyncSender<Case>>,
    /// Whether every mismatch is explained, for the log.
    logs: bool,
    recorder: Arc<Recorder>,
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
    /// Makes an explainer. If it `logs`, it explains mismatches also while nobody watches.
    pub(crate) fn new(logs: bool, recorder: Arc<Recorder>) -> Self {
        Self {
            cases: OnceLock::new(),
            logs,
            recorder,
            started: Instant::now(),
            next: AtomicU64::new(0),
        }
    }

    /// Whether the cause of a mismatch is worth finding now.
    pub(crate) fn is_wanted(&self) -> bool {
        self.logs || self.recorder.is_watched()
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
            let _ = self.cases().try_send(Case {
                id,
                endpoint: Arc::clone(endpoint),
                presented: headers.get(endpoint.policy.header()).cloned(),
                body: forged.concat(),
            });
        }
    }

    fn cases(&self) -> &SyncSender<Case> {
        self.cases.get_or_init(|| {
            let (cases, rx) = sync_channel(1);
            let doctor = Doctor {
                logs: self.logs,
                recorder: Arc::clone(&self.recorder),
            };
            let name = "cartgate-doctor".to_owned();
            let thread = std::thread::Builder::new().name(name);
            if let Err(error) = thread.spawn(move || doctor.work(&rx)) {
                tracing::error!(%error, "mismatches are not explained: thread not started");
            }
            cases
        })
    }
}

/// The work of the thread.
struct Doctor {
    logs: bool,
    recorder: Arc<Recorder>,
}

impl Doctor {
    fn work(&self, cases: &Receiver<Case>) {
        while let Ok(case) = cases.recv() {
            let presented = case.presented.as_ref().map(HeaderValue::as_bytes);
            let diagnosis = doctor::diagnose(&case.endpoint.secrets, presented, &case.body);
            if self.logs {
                log(&case, &diagnosis);
            }
            let cause = diagnosis.cause().as_str();
            self.recorder.explain(case.id, cause, diagnosis.to_string());
        }
    }
}

fn log(case: &Case, diagnosis: &Diagnosis) {
    tracing::warn!(
        target: "cartgate::explain",
        delivery = %case.id,
        endpoint = &*case.endpoint.name,
        cause = diagnosis.cause().as_str(),
        "{diagnosis}"
    );
}
