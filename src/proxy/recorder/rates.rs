//! The rates of requests by endpoint and verdict. They come from the meters, which count every
//! request, also those that have no record.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use serde::Serialize;

use crate::{
    endpoint::Target,
    proxy::{meters::endpoint::Meter, shared::Shared},
    text::rfc3339,
};

/// The counts at the last look.
#[derive(Debug, Default)]
pub(super) struct Rates {
    endpoints: HashMap<Arc<str>, Counts>,
    unmatched: u64,
}

/// The requests since the last look.
#[derive(Debug, Serialize)]
pub(super) struct Counted {
    at: String,
    endpoints: Vec<EndpointCounts>,
    /// Requests without an endpoint.
    unmatched: u64,
}

#[derive(Debug, Serialize)]
struct EndpointCounts {
    endpoint: String,
    #[serde(flatten)]
    counts: Counts,
}

/// Requests of one endpoint by verdict.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
struct Counts {
    accepted: u64,
    stored: u64,
    duplicate: u64,
    failed: u64,
    rejected: u64,
}

impl Rates {
    /// Begins to count now.
    pub(super) fn of(gate: &Shared) -> Self {
        let mut rates = Self::default();
        rates.take(gate);
        rates
    }

    /// Returns the requests since the last look.
    pub(super) fn take(&mut self, gate: &Shared) -> Counted {
        let (config, unmatched) = (gate.config(), gate.metrics.unmatched.sum());
        let mut now = HashMap::with_capacity(self.endpoints.len());
        let endpoints = config.meters().iter().map(|meter| {
            let (endpoint, counts) = (Arc::clone(&meter.endpoint.name), Counts::of(meter));
            let before = self.endpoints.get(&endpoint).copied().unwrap_or_default();
            let name = endpoint.to_string();
            now.insert(endpoint, counts);
            EndpointCounts {
                endpoint: name,
                counts: counts.since(before),
            }
        });
        let counted = Counted {
            at: rfc3339::millis(SystemTime::now()),
            endpoints: endpoints.collect(),
            unmatched: unmatched.saturating_sub(self.unmatched),
        };
        self.endpoints = now;
        self.unmatched = unmatched;
        counted
    }
}

/// Returns the number of all requests that have ended.
pub(super) fn ended_requests(gate: &Shared) -> u64 {
    let config = gate.config();
    let endpoints = config.meters().iter().map(|meter| &meter.requests);
    let ended = endpoints.map(|requests| requests.verified.number() + requests.rejected.sum());
    ended.sum::<u64>() + gate.metrics.unmatched.sum()
}

impl Counts {
    fn of(meter: &Meter) -> Self {
        let (requests, failed) = (&meter.requests, meter.not_taken.sum());
        let accepted = match meter.endpoint.target {
            Target::Direct(_) | Target::Verdict => {
                requests.verified.number().saturating_sub(failed)
            }
            Target::Durable(_) => 0,
        };
        Self {
            accepted,
            stored: meter.inbox.stored.number(),
            duplicate: meter.inbox.duplicates.number(),
            failed,
            rejected: requests.rejected.sum(),
        }
    }

    /// Returns the difference. A counter that has begun anew counts from zero.
    fn since(self, before: Self) -> Self {
        Self {
            accepted: self.accepted.saturating_sub(before.accepted),
            stored: self.stored.saturating_sub(before.stored),
            duplicate: self.duplicate.saturating_sub(before.duplicate),
            failed: self.failed.saturating_sub(before.failed),
            rejected: self.rejected.saturating_sub(before.rejected),
        }
    }
}
