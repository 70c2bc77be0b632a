//! The observer of the verifying layer, which hands signature mismatches to the explainer and to
//! the writer of saved rejections.

use bytes::Bytes;
use http::request::Parts;
use tower_cartgate::Observe;

use crate::{net::source::Source, proxy::context::EndpointContext, rejected::RejectedRequest};

/// Observes the verdicts of the layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VerdictObserver;

impl Observe for VerdictObserver {
    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        let context = EndpointContext::of(&head.extensions);
        save(context, head, forged);
        let explainer = &context.request.shared.explainer;
        if explainer.is_wanted() {
            let endpoint = context.endpoint();
            explainer.explain(context.request.id, endpoint, &head.headers, forged);
        }
    }
}

fn save(context: &EndpointContext, head: &Parts, forged: &[Bytes]) {
    let request = &context.request;
    let Some(writer) = &request.shared.rejected else {
        return;
    };
    let trusted = &request.snapshot.trusted_hops;
    let rejected = RejectedRequest {
        id: request.id,
        endpoint: &context.endpoint().name,
        peer: &request.peer,
        source: Source::of(&request.peer, &head.headers, trusted),
        head,
        body: forged,
    };
    writer.save(&rejected, request.take_memory());
}
