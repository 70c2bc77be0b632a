//! The intake of one delivery: it is sealed, inserted into the store and counted, and the queues of
//! its subscribers are woken.

use std::sync::Arc;

use tower_cartgate::Verified;
use uuid::Uuid;

use super::subscribers::subscribers;
use crate::{
    delivery::{
        Head,
        event::{Arrival, EventMetadata, InsertOutcome, Subscribers},
    },
    endpoint::{Durable, Endpoint, Target},
    inbox::{Inbox, intake_meter::Unidentified, store::StoreError, unique::Identity},
    outcome::reject_reason::{NotStored, RejectReason},
    proxy::{context::EndpointContext, outcome::RequestOutcome, shared::Shared},
    runtime::{
        background::{ThreadError, run_on_thread},
        clock::Clock,
    },
};

/// The length from which a body is sealed on a thread of its own, so that the worker can serve
/// other connections meanwhile.
pub(super) const LARGE: usize = 256 * 1024;

/// A verified delivery of a durable endpoint.
pub(crate) struct Intake {
    pub(crate) verified: Verified,
    pub(crate) head: Head,
    pub(crate) context: EndpointContext,
    /// The memory of the body. The store drops it with the body.
    pub(crate) memory: Box<dyn Send>,
}

/// A sealed event.
struct SealedArrival {
    arrival: Arrival,
    /// Whether the unique value is a placeholder, which identifies nothing.
    is_placeholder: bool,
}

impl Intake {
    pub(super) fn id(&self) -> Uuid {
        self.context.id
    }

    pub(super) fn endpoint(&self) -> &Arc<Endpoint> {
        self.context.endpoint()
    }

    fn durable(&self) -> &Durable {
        match &self.endpoint().target {
            Target::Durable(durable) => Some(durable),
            Target::Direct(_) | Target::Verdict => None,
        }
        .expect("the stack stores only deliveries of durable endpoints")
    }

    /// Stores the event and returns the outcome.
    pub(crate) async fn store(self) -> RequestOutcome {
        self.insert()
            .await
            .unwrap_or_else(|error| RequestOutcome::Failed {
                reason: RejectReason::NotStored(NotStored::from(&error)),
                cause: error.to_string(),
            })
    }

    async fn insert(self) -> Result<RequestOutcome, StoreError> {
        let context = self.context.clone();
        let missing = || StoreError::Unavailable("the gate has no inbox".to_owned());
        let inbox = context.shared.inbox.as_ref().ok_or_else(missing)?;
        let (sealed, memory) = self.seal(inbox).await?;
        let subscribers = sealed.arrival.subscribers.clone();
        let insert = inbox.insert(sealed.arrival, memory).await?;
        if let (InsertOutcome::Stored(_), Subscribers::Queues(queues)) = (insert, &subscribers) {
            wake(&context.shared, &context.endpoint().name, queues);
        }
        count(&context, insert, sealed.is_placeholder);
        Ok(RequestOutcome::of_insert(insert, &subscribers))
    }

    async fn seal(self, inbox: &Arc<Inbox>) -> Result<(SealedArrival, Box<dyn Send>), StoreError> {
        if self.verified.len() < LARGE {
            return Ok(self.sealed(inbox));
        }
        let inbox = Arc::clone(inbox);
        match run_on_thread(move || self.sealed(&inbox)).await {
            Ok(sealed) => Ok(sealed),
            // A delay is better than a lost event.
            Err(ThreadError::NoThread { work, .. }) => Ok(work()),
            Err(error) => Err(StoreError::Unavailable(error.into_error().to_string())),
        }
    }

    fn sealed(self, inbox: &Inbox) -> (SealedArrival, Box<dyn Send>) {
        let (durable, sealer) = (self.durable(), &inbox.sealer);
        let (name, kind) = (&self.endpoint().name, self.verified.event().kind);
        let body = self.verified.bytes();
        let subscribers = subscribers(durable, kind);
        // An event without subscribers does not use its unique value. Otherwise a captured cart
        // that is replayed here could take the number of an order.
        let unique = durable.unique.as_ref();
        let unique = unique.filter(|_| matches!(subscribers, Subscribers::Queues(_)));
        let identity = unique.map_or(Identity::None, |pointer| Identity::read(pointer, &body));
        let metadata = EventMetadata {
            id: self.id(),
            endpoint: Arc::clone(name),
            kind,
            received: Clock::System.now(),
        };
        let is_placeholder = identity == Identity::Placeholder;
        let arrival = Arrival {
            unique: identity
                .value()
                .map(|value| sealer.mark(name, value.as_bytes())),
            subscribers,
            late: self.head.late,
            event: sealer.seal(metadata, &self.head, body),
        };
        let sealed = SealedArrival {
            arrival,
            is_placeholder,
        };
        (sealed, self.memory)
    }
}

fn count(context: &EndpointContext, insert: InsertOutcome, is_placeholder: bool) {
    let meter = &context.meter().inbox;
    meter.count(insert);
    if let Some(why) = Unidentified::of(insert, is_placeholder) {
        meter.count_unidentified(why, &context.endpoint().name, context.id);
    }
}

/// Wakes the queues of the configuration in force, which may be newer than the request's.
fn wake(shared: &Shared, endpoint: &Arc<str>, names: &[Arc<str>]) {
    shared.with_config(|config| {
        let endpoint = config.endpoints.iter().find(|one| one.name == *endpoint);
        let Some(Target::Durable(durable)) = endpoint.map(|endpoint| &endpoint.target) else {
            return;
        };
        for queue in &durable.queues {
            if names.contains(&queue.destination.name) {
                queue.work.notify_one();
            }
        }
    });
}
