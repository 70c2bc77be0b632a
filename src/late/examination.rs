//! Verifies a saved rejection by the rules that are in force for its endpoint.

use std::sync::Arc;

use tower_cartgate::{RejectionKind, Verified, verify_at};

use crate::{
    endpoint::{Endpoint, Target},
    outcome::reject_reason::RejectReason,
    proxy::snapshot::Snapshot,
    rejected::SavedRejection,
};

/// The result of an examination.
pub(super) enum Examined {
    /// The endpoint would accept it, had it arrived with these secrets in force.
    Genuine(Verified),
    /// The signature is genuine, but another rule of the endpoint rejects it.
    Refused(&'static str),
    /// No secret of the endpoint verifies it.
    Forged,
}

/// The reason of a delivery whose endpoint forwards nothing.
const VERDICT_ONLY: &str = "verdict-only";

/// Returns the index of the endpoint that rejected it, if the endpoint is still configured.
pub(super) fn endpoint(snapshot: &Snapshot, rejection: &SavedRejection) -> Option<usize> {
    let name = rejection.endpoint.as_bytes();
    let mut meters = snapshot.meters().iter();
    meters.position(|meter| meter.endpoint.name.as_bytes() == name)
}

/// Verifies a rejection as it would have been verified at its arrival.
pub(super) fn examine(endpoint: &Arc<Endpoint>, rejection: &SavedRejection) -> Examined {
    let (policy, received) = (&endpoint.policy, rejection.received());
    // The signature comes first: only a genuine delivery is worth a word about other rules.
    match verify_at(policy, &rejection.headers, rejection.bytes(), received) {
        Ok(verified) => match refused(endpoint, rejection) {
            Some(reason) => Examined::Refused(reason.reason()),
            None if matches!(endpoint.target, Target::Verdict) => Examined::Refused(VERDICT_ONLY),
            None => Examined::Genuine(verified),
        },
        Err(rejected) => match rejected.kind() {
            RejectionKind::WrongKind | RejectionKind::Stale => {
                Examined::Refused(RejectReason::from(&rejected).reason())
            }
            _ => Examined::Forged,
        },
    }
}

/// Applies the rules that are not part of the verification of a body.
fn refused(endpoint: &Endpoint, rejection: &SavedRejection) -> Option<RejectReason> {
    if !endpoint.policy.methods().contains(&rejection.method) {
        return Some(RejectReason::Layer(RejectionKind::Method));
    }
    let target = rejection.target.clone().into();
    endpoint
        .query
        .rejects(&target)
        .then_some(RejectReason::Query)
}
