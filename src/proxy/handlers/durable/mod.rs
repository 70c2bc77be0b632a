//! Durable mode: a verified delivery is answered 200 once the inbox has committed it. Who delivers it from there is the
//! dispatcher.
//!
//! What is verified is kept whether or not its client waits for the answer: hyper drops a request's future when the
//! connection breaks off, so sealing and commit are a task of their own. Where nobody is left to write the request's line
//! with what became of it, the task says it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, request::Parts};
use tower_cartgate::Verified;

use crate::{
    delivery::{
        Head,
        event::{Arrival, EventMetadata, InsertOutcome, Subscribers},
    },
    endpoint::{Durable, Endpoint, Target},
    inbox::{Inbox, intake::Unidentified, store::StoreError, unique::Identity},
    outcome::{
        problem::problem,
        reject_reason::{NotStored, RejectReason},
    },
    proxy::{
        context::{Outcome, RequestContext},
        response::ResponseBody,
    },
    runtime::{
        background::{ThreadError, run_on_thread},
        clock::Clock,
    },
};

/// A larger body is sealed beside the worker, which has other connections to serve.
const LARGE: usize = 256 * 1024;

/// Keeps a verified delivery, and answers.
pub(crate) async fn keep(
    verified: Verified,
    mut head: Parts,
    endpoint: &Arc<Endpoint>,
    context: &Arc<RequestContext>,
) -> Response<ResponseBody> {
    head.uri = endpoint.query.kept(head.uri);
    let head = Head::new(
        &verified,
        head,
        &context.origin(),
        endpoint.delivery_headers(),
    );
    let intake = Intake {
        verified,
        head,
        endpoint: Arc::clone(endpoint),
        context: Arc::clone(context),
    };
    // Ends in an error only when the runtime ends.
    let _ = tokio::spawn(intake.keep()).await;
    match context.outcome() {
        Some(Outcome::Kept { .. } | Outcome::Duplicate { .. }) => {
            Response::new(ResponseBody::from(Bytes::new()))
        }
        Some(Outcome::Failed { refusal, .. }) => problem(refusal).map(ResponseBody::from),
        _ => problem(&RejectReason::NotStored(NotStored::Unavailable)).map(ResponseBody::from),
    }
}

/// A delivery on its way into the inbox.
struct Intake {
    verified: Verified,
    head: Head,
    endpoint: Arc<Endpoint>,
    context: Arc<RequestContext>,
}

/// What the store has taken.
struct Committed {
    kept: InsertOutcome,
    subscribers: Subscribers,
    /// The unique value identifies nothing.
    is_placeholder: bool,
}

impl Intake {
    async fn keep(self) {
        let (context, endpoint) = (Arc::clone(&self.context), Arc::clone(&self.endpoint));
        let outcome = match self.commit().await {
            Ok(Committed {
                kept,
                subscribers,
                is_placeholder,
            }) => {
                if let Some(meter) = context.meter() {
                    meter.inbox.count(kept);
                    if let Some(why) = Unidentified::of(kept, is_placeholder) {
                        meter
                            .inbox
                            .count_unidentified(why, &endpoint.name, context.id);
                    }
                }
                Outcome::of(kept, &subscribers)
            }
            Err(error) => Outcome::Failed {
                refusal: RejectReason::NotStored(NotStored::from(&error)),
                cause: error.to_string(),
            },
        };
        if let Err(unsaid) = context.try_end(outcome) {
            say(&unsaid, &context, &endpoint);
        }
    }

    async fn commit(self) -> Result<Committed, StoreError> {
        let (context, endpoint) = (Arc::clone(&self.context), Arc::clone(&self.endpoint));
        let missing = || StoreError::Unavailable("this gate has none".to_owned());
        let inbox = context.shared.inbox.clone().ok_or_else(missing)?;
        let (arrival, is_placeholder) = self.seal(&inbox).await?;
        let subscribers = arrival.subscribers.clone();
        let kept = inbox
            .insert(arrival, Box::new(Arc::clone(&context)))
            .await?;
        if let (InsertOutcome::Stored(_), Subscribers::Queues(queues)) = (kept, &subscribers) {
            wake(&context, &endpoint, queues);
        }
        Ok(Committed {
            kept,
            subscribers,
            is_placeholder,
        })
    }

    async fn seal(self, inbox: &Arc<Inbox>) -> Result<(Arrival, bool), StoreError> {
        if self.verified.len() < LARGE {
            return self.sealed(inbox);
        }
        let inbox = Arc::clone(inbox);
        match run_on_thread(move || self.sealed(&inbox)).await {
            Ok(sealed) => sealed,
            // Slow is better than lost.
            Err(ThreadError::NoThread { work, .. }) => work(),
            Err(undone) => Err(StoreError::Unavailable(undone.into_error().to_string())),
        }
    }

    /// The arrival, and whether its unique value is a placeholder.
    fn sealed(self, inbox: &Inbox) -> Result<(Arrival, bool), StoreError> {
        let Target::Durable(durable) = &self.endpoint.target else {
            return Err(StoreError::Unavailable("the endpoint is direct".to_owned()));
        };
        let (kind, body) = (self.verified.event().kind, self.verified.bytes());
        let subscribers = subscribers(durable, kind);
        // An event that no destination wants marks nothing: otherwise a captured cart that is replayed here could take the
        // number of an order.
        let unique = durable.unique.as_ref();
        let unique = unique.filter(|_| matches!(subscribers, Subscribers::Queues(_)));
        let identity = unique.map_or(Identity::None, |pointer| Identity::read(pointer, &body));
        let metadata = EventMetadata {
            id: self.context.id,
            endpoint: Arc::clone(&self.endpoint.name),
            kind,
            received: Clock::System.now(),
        };
        let sealer = &inbox.sealer;
        let is_placeholder = identity == Identity::Placeholder;
        let arrival = Arrival {
            unique: identity
                .value()
                .map(|value| sealer.mark(&self.endpoint.name, value.as_bytes())),
            subscribers,
            event: sealer.seal(metadata, &self.head, body),
        };
        Ok((arrival, is_placeholder))
    }
}

fn subscribers(durable: &Durable, kind: tower_cartgate::EventKind) -> Subscribers {
    if !durable.permitted.is_empty() && !durable.permitted.contains(&kind) {
        return Subscribers::None(Subscribers::KIND_NOT_PERMITTED);
    }
    let queues = durable.queues.iter().filter(|queue| queue.wants(kind));
    let queues: Vec<_> = queues
        .map(|queue| Arc::clone(&queue.destination.name))
        .collect();
    if queues.is_empty() {
        Subscribers::None(Subscribers::NO_SUBSCRIBER)
    } else {
        Subscribers::Queues(queues)
    }
}

/// Tells the queues of the configuration in force, which since may be another than the request's.
fn wake(context: &RequestContext, endpoint: &Endpoint, names: &[Arc<str>]) {
    context.shared.with_config(|config| {
        let own = |one: &&Arc<Endpoint>| one.name == endpoint.name;
        let Some(Target::Durable(durable)) =
            config.endpoints.iter().find(own).map(|one| &one.target)
        else {
            return;
        };
        for queue in &durable.queues {
            if names.contains(&queue.destination.name) {
                queue.work.notify_one();
            }
        }
    });
}

/// What became of a delivery whose client had gone, and whose line was written before it was known.
fn say(outcome: &Outcome, context: &RequestContext, endpoint: &Endpoint) {
    let (id, endpoint) = (context.id, &*endpoint.name);
    match outcome {
        Outcome::Failed { refusal, cause } => tracing::error!(
            delivery = %id, endpoint, reason = refusal.reason(), cause,
            "not kept, and its client is gone"
        ),
        Outcome::Duplicate { of } => tracing::info!(
            delivery = %id, endpoint, %of,
            "a duplicate, dropped after its client was gone"
        ),
        _ => tracing::info!(delivery = %id, endpoint, "kept after its client was gone"),
    }
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod shelf;
#[cfg(test)]
mod site;
#[cfg(test)]
mod tests;
