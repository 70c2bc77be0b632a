//! What the verifying layer tells the gate: notes for the log, and material for the doctor and the
//! keeper.

use bytes::Bytes;
use http::request::Parts;
use tower_cartgate::{HeaderForm, Observe, Rejection, Verified};

use crate::proxy::context::{Exchange, Outcome};

/// Notes each rejection in its request's exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch;

impl Observe for Watch {
    fn verified(&self, verified: &Verified, head: &Parts) {
        if let Some(exchange) = Exchange::of(&head.extensions) {
            exchange.verified(verified.secret_name());
        }
    }

    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        let Some(exchange) = Exchange::of(&head.extensions) else {
            return;
        };
        let Some(endpoint) = exchange.endpoint() else {
            return;
        };
        if let Some(keeper) = &exchange.gate.keeper {
            keeper.consider(exchange, endpoint, head, forged);
        }
        if let Some(explainer) = &exchange.gate.explainer {
            explainer.consider(exchange.id, endpoint, &head.headers, forged);
        }
    }

    fn rejected(&self, rejection: &Rejection, head: &Parts) {
        let Some(exchange) = Exchange::of(&head.extensions) else {
            return;
        };
        if let Some(endpoint) = exchange.endpoint() {
            let (form, length) = HeaderForm::of(&head.headers, endpoint.policy.header());
            exchange.looked_like(form, length);
        }
        exchange.ended(Outcome::Refused(rejection.into()));
    }
}
