//! The observer of the verifying layer, which hands signature mismatches to the explainer and to
//! the writer of saved rejections.

use bytes::Bytes;
use http::request::Parts;
use tower_cartgate::Observe;

use crate::{
    endpoint::Endpoint, net::source::Source, proxy::context::RequestContext,
    rejected::RejectedRequest,
};

/// Observes the verdict on one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct VerdictObserver<'r> {
    pub(super) context: &'r RequestContext<'r>,
    /// The index of the endpoint.
    pub(super) index: usize,
}

impl Observe for VerdictObserver<'_> {
    fn mismatched(&self, head: &Parts, forged: &[Bytes]) {
        let endpoint = self.context.snapshot.endpoint(self.index);
        save(self.context, endpoint, head, forged);
        let explainer = &self.context.shared.explainer;
        if explainer.is_wanted() {
            explainer.explain(self.context.id, endpoint, &head.headers, forged);
        }
    }
}

fn save(request: &RequestContext<'_>, endpoint: &Endpoint, head: &Parts, forged: &[Bytes]) {
    let Some(writer) = &request.shared.rejected else {
        return;
    };
    let trusted = &request.snapshot.trusted_hops;
    let rejected = RejectedRequest {
        id: request.id,
        endpoint: &endpoint.name,
        peer: &request.peer,
        source: Source::of(&request.peer, &head.headers, trusted),
        head,
        body: forged,
    };
    writer.save(&rejected, request.take_memory());
}
