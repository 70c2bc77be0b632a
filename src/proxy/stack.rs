//! The stack: the path of a request through the gate, composed in one place. Each layer is one
//! step, with the reason for its position.

use std::{convert::Infallible, future::poll_fn, sync::Arc};

use http::{Request, Response, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use tower_cartgate::Verified;

use crate::{
    delivery::{Delivery, Head, SharedMemory},
    destination::Destination,
    endpoint::{Endpoint, Target},
    outcome::reject_reason::RejectReason,
    profile::VerifiedSample,
    proxy::{
        access_log::Entry,
        context::{EndpointContext, RequestContext},
        handlers::{direct, durable, verdict},
        layers::{
            body_guard::{GuardedBody, discard_rest},
            endpoint,
            framing::FramingHeaders,
            health, verify,
        },
        outcome::{Handled, RequestOutcome},
        response_body::TrackedBody,
        response_headers,
        state::Phase,
    },
    runtime::yield_once::yield_once,
};

/// The stack of one worker. Endpoints differ in their values, not in their layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stack {
    worker: usize,
}

impl Stack {
    pub(crate) fn new(worker: usize) -> Self {
        Self { worker }
    }

    /// Responds to a request, counts it and logs it. A connection that breaks drops this future at
    /// any point.
    ///
    /// It is no async function, because that would hold its arguments twice.
    pub(crate) fn respond<'c>(
        self,
        request: Request<Incoming>,
        context: RequestContext<'c>,
    ) -> impl Future<Output = Result<Response<TrackedBody>, Infallible>> + use<'c> {
        let (mut head, body) = request.into_parts();
        async move {
            let context = &context;
            let connection = context.connection;
            poll_fn(|_| connection.poll_response_sent()).await;
            connection.begin_request();
            let mut entry = Entry::open(context, &head, body.size_hint().exact());
            let Handled {
                mut response,
                outcome,
            } = self.handle(&mut head, body, context, &mut entry).await;
            drop(head);
            let outcome = entry.ended(outcome);
            if let RequestOutcome::Rejected { .. } = outcome {
                // Forgeries come in floods: all ready requests are read before any response is
                // written.
                yield_once().await;
                connection.enter(Phase::Rejection);
            } else {
                connection.enter(Phase::Response);
            }
            discard_rest(connection).await;
            response_headers::add(&mut response, context, outcome);
            entry.close(response.status().as_u16());
            Ok(response.map(|body| TrackedBody::new(body, connection)))
        }
    }

    /// Passes a request through the layers to its handler.
    async fn handle(
        &self,
        head: &mut Parts,
        body: Incoming,
        context: &RequestContext<'_>,
        entry: &mut Entry<'_>,
    ) -> Handled {
        let framing = FramingHeaders::of(&head.headers);
        let mut body = GuardedBody::new(body, framing.expects(), context);
        // First: plain health checkers send no Host. Before the endpoints, since one of them may
        // take every path.
        if let Some(handled) = health::respond(head, &framing, context) {
            return handled;
        }
        let index = match admit(head, &framing, context, entry) {
            Ok(index) => index,
            Err(reason) => return reason.into(),
        };
        // The last layer that sees unverified bytes. The handlers demand its proof.
        let verdict = verify::verify(head, &mut body, context, index).await;
        drop(body);
        match verdict {
            Err(rejection) => {
                // The memory of a rejected body is free.
                drop(context.take_memory());
                verify::rejected(&rejection, &context.snapshot.endpoint(index).policy)
            }
            Ok(verified) => {
                entry.verified(&verified);
                self.deliver(head, verified, context, index, entry).await
            }
        }
    }

    /// Hands a verified delivery to its handler. This is the only place that tells direct, durable
    /// and verdict endpoints apart.
    async fn deliver(
        &self,
        head: &mut Parts,
        verified: Verified,
        context: &RequestContext<'_>,
        index: usize,
        entry: &mut Entry<'_>,
    ) -> Handled {
        let endpoint = context.snapshot.endpoint(index);
        prepare(head, &verified, endpoint, context);
        match &endpoint.target {
            Target::Direct(destination) => {
                let memory = context.share_memory();
                let verified = (verified, memory.clone());
                let forwarded = self.forward(head, verified, context, index, entry, destination);
                let handled = forwarded.await;
                // The body counts until the destination has responded, even if it was sent before,
                // and until it was sent, even if the destination responded before.
                drop(memory);
                handled
            }
            Target::Durable(_) => {
                let headers = endpoint.delivery_headers();
                let head = Head::new(&verified, head, &context.origin(), headers);
                durable::store(durable::Intake {
                    verified,
                    head,
                    context: EndpointContext::new(context, index),
                    memory: context.take_memory(),
                })
                .await
            }
            Target::Verdict => {
                let handled = verdict::respond(&verified, context.id, &endpoint.name);
                drop(verified);
                // The proxy forwards a copy of its own, so the memory of this one is free.
                drop(context.take_memory());
                handled
            }
        }
    }

    /// Forwards a verified delivery to the destination of a direct endpoint. Its future does not
    /// hold the delivery.
    fn forward<'d>(
        &self,
        head: &mut Parts,
        verified: (Verified, SharedMemory),
        context: &'d RequestContext<'_>,
        index: usize,
        entry: &mut Entry<'_>,
        destination: &'d Destination,
    ) -> impl Future<Output = Handled> + use<'d> {
        let endpoint = context.snapshot.endpoint(index);
        let (name, headers) = (&endpoint.name, endpoint.delivery_headers());
        let mut delivery = Delivery::direct(verified, head, &context.origin(), name, headers);
        entry.forwarding(&delivery, destination);
        let meter = context.snapshot.meter(index).destinations.first();
        let meter = meter.expect("a direct endpoint has one destination");
        direct::deliver(&mut delivery, destination, meter, self.worker)
    }
}

/// Lets the profiler learn from a verified delivery, and gives its head the query that the
/// destination gets.
fn prepare(
    head: &mut Parts,
    verified: &Verified,
    endpoint: &Arc<Endpoint>,
    context: &RequestContext<'_>,
) {
    let profiler = &context.shared.profiler;
    if profiler.wants_sample() {
        profiler.take(|| VerifiedSample::new(endpoint, head, verified));
    }
    endpoint.query.apply(&mut head.uri);
}

/// Applies the layers that look only at the head, and returns the index of the request's endpoint.
fn admit(
    head: &Parts,
    framing: &FramingHeaders<'_>,
    context: &RequestContext<'_>,
    entry: &mut Entry<'_>,
) -> Result<usize, RejectReason> {
    // Before all else: no step may act on a request that two servers could read in two ways.
    let host = framing.check(head, context.connection.scheme())?;
    // Before verification, which needs the endpoint's policy. An unknown path costs no reading.
    let index = endpoint::find(host, &head.uri, &context.snapshot)?;
    entry.found(index);
    let endpoint = context.snapshot.endpoint(index);
    endpoint::check_query(&head.uri, endpoint)?;
    endpoint::check_whole(head, endpoint)?;
    Ok(index)
}
