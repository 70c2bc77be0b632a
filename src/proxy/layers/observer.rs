//! What the verifying layer tells the gate: notes for the log, and material for the doctor and the
//! keeper.

use bytes::Bytes;
use http::request::Parts;
use tower_cartgate::{HeaderForm, Observe, Rejection, Verified};

use crate::proxy::context::{Outcome, RequestContext};

/// Notes each rejection in its request's exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VerdictObserver;

impl Observe for VerdictObserver {
    fn verified(&self, verified: &Verified, head: &Parts) {
        if let Some(context) = RequestContext::of(&head.extensions) {
            context.verified(verified.secret_name());
        }
    }

    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        let Some(context) = RequestContext::of(&head.extensions) else {
            return;
        };
        let Some(endpoint) = context.endpoint() else {
            return;
        };
        if let Some(keeper) = &context.shared.keeper {
            keeper.consider(context, endpoint, head, forged);
        }
        if let Some(explainer) = &context.shared.explainer {
            explainer.consider(context.id, endpoint, &head.headers, forged);
        }
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        let Some(context) = RequestContext::of(&head.extensions) else {
            return;
        };
        if let Some(endpoint) = context.endpoint() {
            let (form, length) = HeaderForm::of(&head.headers, endpoint.policy.header());
            context.looked_like(form, length);
        }
        context.ended(Outcome::Refused(rejection.into()));
    }
}
