//! The stack: the path of a request through the gate, composed in one place. Each layer is one
//! step, with the reason for its position.

use std::{future::poll_fn, sync::Arc};

use http::{Request, Response, request::Parts};
use hyper::body::Incoming;
use tower_cartgate::Verified;

use crate::{
    delivery::{Delivery, Head},
    endpoint::Target,
    outcome::reject_reason::RejectReason,
    profile::VerifiedSample,
    proxy::{
        access_log::Entry,
        context::{EndpointContext, RequestContext},
        handlers::{direct, durable, verdict},
        layers::{
            body_guard::{GuardedBody, discard_rest},
            endpoint, framing, health,
            verify::{self, Verification, Verify},
        },
        outcome::{Handled, RequestOutcome},
        response_body::TrackedBody,
        response_headers,
        state::Phase,
    },
    runtime::yield_once::yield_once,
};

/// The stack of one worker. Endpoints differ in their values, not in their layers.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    worker: usize,
    verify: Verify,
}

impl Stack {
    pub(crate) fn new(worker: usize) -> Self {
        Self {
            worker,
            verify: verify::service(),
        }
    }

    /// Responds to a request, counts it and logs it. A connection that breaks drops this future at
    /// any point.
    pub(crate) async fn respond(
        &self,
        request: Request<Incoming>,
        context: Arc<RequestContext>,
    ) -> Response<TrackedBody> {
        let connection = &context.connection;
        poll_fn(|_| connection.poll_response_sent()).await;
        connection.begin_request();
        let mut entry = Entry::open(&context, &request);
        let request = GuardedBody::guard(request, &context);
        let Handled {
            mut response,
            outcome,
        } = self.handle(request, &context, &mut entry).await;
        let outcome = entry.ended(outcome);
        if let RequestOutcome::Rejected { .. } = outcome {
            // Forgeries come in floods: all ready requests are read before any response is written.
            yield_once().await;
            connection.enter(Phase::Rejection);
        } else {
            connection.enter(Phase::Response);
        }
        discard_rest(connection).await;
        response_headers::add(&mut response, &context, outcome);
        entry.close(response.status().as_u16());
        response.map(|body| TrackedBody::new(body, connection))
    }

    /// Passes a request through the layers to its handler.
    async fn handle(
        &self,
        mut request: Request<GuardedBody>,
        context: &Arc<RequestContext>,
        entry: &mut Entry,
    ) -> Handled {
        // First: plain health checkers send no Host. Before the endpoints, since one of them may
        // take every path.
        if let Some(handled) = health::respond(&request, context) {
            return handled;
        }
        let index = match admit(&request, context, entry) {
            Ok(index) => index,
            Err(reason) => return reason.into(),
        };
        let context = EndpointContext {
            request: Arc::clone(context),
            index,
        };
        request.extensions_mut().insert(context.clone());
        // The last layer that sees unverified bytes. The handlers demand its proof.
        match verify::verify(self.verify.clone(), request).await {
            Verification::Rejected(handled) => {
                // The memory of a rejected body is free.
                drop(context.request.take_memory());
                handled
            }
            Verification::Verified(head, verified) => {
                entry.verified(&verified);
                self.deliver(head, verified, context, entry).await
            }
        }
    }

    /// Hands a verified delivery to its handler. This is the only place that tells direct, durable
    /// and verdict endpoints apart.
    async fn deliver(
        &self,
        mut head: Parts,
        verified: Verified,
        context: EndpointContext,
        entry: &mut Entry,
    ) -> Handled {
        let endpoint = context.endpoint();
        let profiler = &context.request.shared.profiler;
        if profiler.wants_sample() {
            profiler.take(|| VerifiedSample::new(endpoint, &head, &verified));
        }
        let (origin, headers) = (context.request.origin(), endpoint.delivery_headers());
        head.uri = endpoint.query.apply(head.uri);
        match &endpoint.target {
            Target::Direct(destination) => {
                let name = &endpoint.name;
                let memory = context.request.share_memory();
                let verified = (verified, memory.clone());
                let delivery = Delivery::direct(verified, head, &origin, name, headers);
                entry.forwarding(&delivery, destination);
                let meter = context.meter().destinations.first();
                let meter = meter.expect("a direct endpoint has one destination");
                let handled = direct::deliver(delivery, destination, meter, self.worker).await;
                // The body counts until the destination has responded, even if it was sent before,
                // and until it was sent, even if the destination responded before.
                drop(memory);
                handled
            }
            Target::Durable(_) => {
                let head = Head::new(&verified, head, &origin, headers);
                let memory = context.request.take_memory();
                durable::store(durable::Intake {
                    verified,
                    head,
                    context,
                    memory,
                })
                .await
            }
            Target::Verdict => {
                let handled = verdict::respond(&verified, origin.id, &endpoint.name);
                drop(verified);
                // The proxy forwards a copy of its own, so the memory of this one is free.
                drop(context.request.take_memory());
                handled
            }
        }
    }
}

/// Applies the layers that look only at the head, and returns the index of the request's endpoint.
fn admit<B>(
    request: &Request<B>,
    context: &RequestContext,
    entry: &mut Entry,
) -> Result<usize, RejectReason> {
    // Before all else: no step may act on a request that two servers could read in two ways.
    framing::check(request, context.connection.scheme())?;
    // Before verification, which needs the endpoint's policy. An unknown path costs no reading.
    let index = endpoint::find(request, &context.snapshot)?;
    entry.found(index);
    endpoint::check_query(request, &context.snapshot, index)?;
    endpoint::check_whole(request, &context.snapshot, index)?;
    Ok(index)
}
