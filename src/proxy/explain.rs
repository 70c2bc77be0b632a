//! `--explain`: when a signature does not match, the doctor looks for the likely cause. At most once
//! a second and on a thread of its own, since it hashes a body dozens of times and an attacker
//! chooses when. It sees unverified bytes and names a cause; it passes nothing on.

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

/// Looks into mismatches.
#[derive(Debug)]
pub(crate) struct Explainer {
    cases: SyncSender<Case>,
    begun: Instant,
    /// The second after the one of the latest case; zero before the first.
    next: AtomicU64,
}

struct Case {
    id: Uuid,
    endpoint: Arc<Endpoint>,
    presented: Option<HeaderValue>,
    body: Vec<u8>,
}

impl Explainer {
    pub(crate) fn start() -> Self {
        let (cases, inbox) = sync_channel(1);
        let name = "cartgate-doctor".to_owned();
        if let Err(error) = std::thread::Builder::new()
            .name(name)
            .spawn(move || work(&inbox))
        {
            tracing::error!(%error, "mismatches will not be explained: no thread for it");
        }
        Self {
            cases,
            begun: Instant::now(),
            next: AtomicU64::new(0),
        }
    }

    /// Hands a mismatch to the doctor, unless it had one in this second or is still at it.
    pub(crate) fn consider(
        &self,
        id: Uuid,
        endpoint: &Arc<Endpoint>,
        headers: &HeaderMap,
        forged: &[Bytes],
    ) {
        // The doctor tries no variants of a longer one, and copying it would hold up a worker.
        if forged.iter().map(Bytes::len).sum::<usize>() > doctor::MAX_BODY {
            return;
        }
        let second = self.begun.elapsed().as_secs();
        let next = self.next.load(Relaxed);
        let free = second >= next
            && self
                .next
                .compare_exchange(next, second + 1, Relaxed, Relaxed)
                .is_ok();
        if free {
            // A doctor who is still busy just misses this one.
            let _ = self.cases.try_send(Case {
                id,
                endpoint: Arc::clone(endpoint),
                presented: headers.get(endpoint.policy.header()).cloned(),
                body: forged.concat(),
            });
        }
    }
}

fn work(inbox: &Receiver<Case>) {
    while let Ok(case) = inbox.recv() {
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
