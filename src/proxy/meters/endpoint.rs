//! The meter of one endpoint. It is made when a configuration comes into force and keeps counting
//! over reloads, so that a request touches only atomics.

use std::{collections::HashSet, sync::Arc, time::Duration};

use subtle::ConstantTimeEq as _;
use tower_cartgate::{RejectionKind, Secret, SecretName};

use super::secret::SecretMeter;
use crate::{
    destination::meter::DestinationMeter,
    endpoint::{Endpoint, Endpoints, Target},
    inbox::intake_meter::IntakeMeter,
    outcome::{
        reject_reason::{AttemptFailure, NotStored, RejectReason},
        shared_reasons,
    },
    proxy::verdict::Verdict,
    telemetry::{
        count::{Count, Streak, now},
        histogram::Histogram,
        tally::Tally,
    },
};

/// The meter of one endpoint of the configuration in force.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) requests: Arc<Requests>,
    /// In the order of the endpoint's secrets.
    pub(crate) secrets: Vec<Arc<SecretMeter>>,
    /// Verified deliveries that were not accepted, by reason.
    pub(crate) not_taken: Arc<Tally>,
    /// In the order of its destinations. A durable endpoint may have none, and a verdict endpoint
    /// has none.
    pub(crate) destinations: Vec<Arc<DestinationMeter>>,
    /// The results of storing its deliveries, if it is durable.
    pub(crate) inbox: Arc<IntakeMeter>,
}

/// The counters of an endpoint's requests, which live as long as the endpoint is configured.
#[derive(Debug)]
pub(crate) struct Requests {
    /// The time since which they are counted: the start of the gate, or the reload that added the
    /// endpoint.
    pub(crate) since: u64,
    pub(crate) verified: Count,
    pub(crate) rejected: Tally,
    /// Signatures that did not match since the last verified delivery.
    pub(crate) mismatches: Streak,
    pub(crate) bodies: Histogram,
    pub(crate) durations: Histogram,
}

impl Meter {
    /// Makes the meters of the endpoints. They continue the counts of `previous`.
    pub(crate) fn all(endpoints: &Endpoints, previous: &[Self]) -> Vec<Self> {
        let mut meters: Vec<Self> = Vec::new();
        for endpoint in endpoints.iter() {
            let destinations = endpoint.target.destinations().map(|destination| {
                let mut known = meters
                    .iter()
                    .chain(previous)
                    .flat_map(|one| &one.destinations);
                let known = known.find(|one| one.name == destination.name);
                known
                    .cloned()
                    .unwrap_or_else(|| Arc::new(DestinationMeter::new(&destination.name)))
            });
            let destinations = destinations.collect();
            let old = previous
                .iter()
                .find(|old| old.endpoint.name == endpoint.name);
            meters.push(Self::new(endpoint, destinations, old));
        }
        meters
    }

    fn new(
        endpoint: &Arc<Endpoint>,
        destinations: Vec<Arc<DestinationMeter>>,
        previous: Option<&Self>,
    ) -> Self {
        let requests = previous.map_or_else(Arc::default, |old| Arc::clone(&old.requests));
        // Under the name of another destination, the old counts would look like new failures there.
        let not_taken = previous
            .filter(|old| {
                old.destinations
                    .iter()
                    .map(|one| &one.name)
                    .eq(destinations.iter().map(|one| &one.name))
            })
            .map_or_else(
                || Arc::new(not_taken(&endpoint.target)),
                |old| Arc::clone(&old.not_taken),
            );
        let secret = |(name, secret): &(SecretName, Secret)| {
            previous
                .and_then(|old| old.secret(name, secret))
                .unwrap_or_else(|| Arc::new(SecretMeter::new()))
        };
        Self {
            secrets: endpoint.secrets.iter().map(secret).collect(),
            endpoint: Arc::clone(endpoint),
            requests,
            inbox: previous.map_or_else(Arc::default, |old| Arc::clone(&old.inbox)),
            not_taken,
            destinations,
        }
    }

    /// Returns the meter of the secret of this name, if its bytes are still the same. A file that
    /// was rewritten holds another secret, which has not been used yet.
    fn secret(&self, name: &SecretName, secret: &Secret) -> Option<Arc<SecretMeter>> {
        let mut own = self.endpoint.secrets.iter().zip(&self.secrets);
        own.find(|((own, _), _)| own == name)
            .filter(|((_, own), _)| bool::from(own.expose().ct_eq(secret.expose())))
            .map(|(_, meter)| Arc::clone(meter))
    }

    /// Counts a request that has ended.
    pub(crate) fn count_request(&self, verdict: &Verdict<'_>, received: u64, took: Duration) {
        let now = now();
        let requests = &self.requests;
        requests.durations.took(took);
        match verdict {
            Verdict::Stored { secret, stored, .. } if stored.left_out => {
                self.verified(secret, now);
                self.not_taken(NotStored::Copies.reason(), now);
            }
            Verdict::Accepted { secret }
            | Verdict::Stored { secret, .. }
            | Verdict::Duplicate { secret, .. }
            | Verdict::ClientLeft { secret } => self.verified(secret, now),
            Verdict::NotAccepted { secret, reason, .. } => {
                self.verified(secret, now);
                self.not_taken(reason, now);
            }
            Verdict::Rejected { reason } => {
                requests.rejected.add(reason, now);
                if *reason == RejectionKind::Mismatch.as_str() {
                    requests.mismatches.grow(now);
                }
                // The gate did not read the body, or no byte of it arrived.
                if received == 0 {
                    return;
                }
            }
        }
        requests.bodies.observe(received);
    }

    /// Counts a verified delivery that was not accepted. Anyone who has recorded a delivery can
    /// repeat it, so a repetition over the limit shows no fault of the app or of the inbox.
    fn not_taken(&self, reason: &'static str, now: u64) {
        match reason == NotStored::Copies.reason() {
            true => drop(self.not_taken.count(reason)),
            false => self.not_taken.add(reason, now),
        }
    }

    /// Counts a match of a late delivery. Its request was counted when it was rejected.
    pub(crate) fn count_late(&self, secret: &SecretName) {
        self.matched(secret, now());
    }

    fn verified(&self, secret: &SecretName, now: u64) {
        self.requests.verified.add(now);
        self.matched(secret, now);
    }

    fn matched(&self, secret: &SecretName, now: u64) {
        self.requests.mismatches.end();
        let own = |(name, _): &(SecretName, Secret)| name == secret;
        let Some(place) = self.endpoint.secrets.iter().position(own) else {
            return;
        };
        let meter = &self.secrets[place];
        meter.matched.add(now);
        if place > 0 {
            meter.remind(&self.endpoint.name, secret, now);
        }
    }
}

impl Default for Requests {
    fn default() -> Self {
        // The gate finds the endpoint itself, and has no handlers of its own.
        let elsewhere = [
            RejectionKind::NoPolicy,
            RejectionKind::InvalidPayload,
            RejectionKind::MissingLayer,
            // Its causes have reasons of their own.
            RejectionKind::Stale,
        ];
        let here = RejectionKind::ALL
            .iter()
            .copied()
            .filter(|kind| !elsewhere.contains(kind));
        Self {
            since: now(),
            verified: Count::default(),
            rejected: Tally::of(here.map(RejectionKind::as_str).chain(RejectReason::STALE)),
            mismatches: Streak::default(),
            bodies: Histogram::of_sizes(),
            durations: Histogram::of_durations(),
        }
    }
}

/// Returns the meter of each destination once, even if several endpoints have the destination.
pub(crate) fn each_destination(meters: &[Meter]) -> impl Iterator<Item = &DestinationMeter> {
    let mut seen = HashSet::new();
    let all = meters.iter().flat_map(|meter| &meter.destinations);
    all.map(|own| &**own)
        .filter(move |own| seen.insert(&*own.name))
}

fn not_taken(target: &Target) -> Tally {
    match target {
        Target::Direct(_) => {
            let gone = [
                shared_reasons::DESTINATION_ANSWERED,
                shared_reasons::CLIENT_GONE,
            ]
            .into_iter();
            Tally::of(gone.chain(AttemptFailure::ALL.map(AttemptFailure::reason)))
        }
        Target::Durable(_) => Tally::of(NotStored::ALL.map(NotStored::reason)),
        Target::Verdict => Tally::of([]),
    }
}
