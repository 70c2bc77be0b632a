//! The observer of the verifying layer: notes verdicts for the log, and hands mismatches to the doctor
//! and to the writer of saved rejections.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use tower_cartgate::{HeaderForm, Observe, Rejection, Verified};

use crate::{
    net::source::Source,
    proxy::context::{Outcome, RequestContext},
    rejected::RejectedRequest,
};

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
        if let Some(writer) = &context.shared.rejected {
            let trusted = &context.config.trusted_hops;
            let request = RejectedRequest {
                id: context.id,
                endpoint: &endpoint.name,
                peer: &context.peer,
                source: Source::of(&context.peer, &head.headers, trusted),
                head,
                body: forged,
            };
            writer.save(&request, Arc::clone(context));
        }
        if let Some(explainer) = &context.shared.explainer {
            explainer.explain(context.id, endpoint, &head.headers, forged);
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
