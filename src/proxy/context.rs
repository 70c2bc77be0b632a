//! One request on its way through the gate: its id, who sent it, and what was found out about it
//! so far. Every step writes what it alone knows; `record` turns the whole into a log line.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use http::{Extensions, HeaderValue};
use hyper::body::Incoming;
use tokio::time::Instant;
use tower_cartgate::{HeaderForm, SecretName};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::{
    delivery::{
        event::{InsertOutcome, Stored, Subscribers},
        origin::Origin,
    },
    endpoint::{Endpoint, Target},
    net::peer::Peer,
    outcome::reject_reason::RejectReason,
    proxy::{
        meters::endpoint::Meter,
        shared::Shared,
        snapshot::Snapshot,
        state::{ConnectionState, Phase},
    },
};

/// A request under way. Travels in the request's extensions, so that each layer finds it.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// The id in the log, in the answer and toward the destination.
    pub(crate) id: Uuid,
    /// Who sent the request.
    pub(crate) peer: Peer,
    /// When its head had been read, or began to arrive where it never was.
    pub(crate) begun: Instant,
    pub(crate) shared: Arc<Shared>,
    /// The configuration that judges it, to the end.
    pub(crate) config: Arc<Snapshot>,
    /// The connection that it came over.
    pub(crate) connection: Arc<ConnectionState>,
    /// The endpoint's place in the configuration.
    endpoint: OnceLock<usize>,
    form: OnceLock<(HeaderForm, usize)>,
    secret: OnceLock<SecretName>,
    outcome: OnceLock<Outcome>,
    received: AtomicU64,
    held: AtomicU64,
    rest: Mutex<Option<Incoming>>,
}

/// How a request ended, where it is known inside the gate.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was refused.
    Refused(RejectReason),
    /// Its destination answered.
    Answered,
    /// Its destination gave no answer.
    Failed {
        /// What the sender is told.
        refusal: RejectReason,
        /// The cause, as the log says it.
        cause: String,
    },
    /// The inbox has it.
    Kept {
        /// How it is stored.
        stored: Stored,
        /// Why it went to no destination, where none wants it.
        dead: Option<&'static str>,
    },
    /// Every destination has an event with its unique value, or will get one.
    Duplicate {
        /// The event that came first.
        of: Uuid,
    },
    /// Its client went while the inbox was keeping it, which goes on.
    Left,
    /// It was a health check.
    Probed {
        /// Whether its framing broke a rule.
        broken: bool,
    },
}

impl Outcome {
    /// What became of an event that the store took.
    pub(crate) fn of(kept: InsertOutcome, subscribers: &Subscribers) -> Self {
        match (kept, subscribers) {
            (InsertOutcome::Duplicate { of }, _) => Self::Duplicate { of },
            (InsertOutcome::Stored(stored), Subscribers::Queues(_)) => {
                Self::Kept { stored, dead: None }
            }
            (InsertOutcome::Stored(stored), Subscribers::None(reason)) => Self::Kept {
                stored,
                dead: Some(reason),
            },
        }
    }
}

impl RequestContext {
    pub(crate) fn begin(
        shared: Arc<Shared>,
        peer: Peer,
        connection: Arc<ConnectionState>,
        begun: Instant,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: new_id(),
            peer,
            begun,
            config: shared.config(),
            shared,
            connection,
            endpoint: OnceLock::new(),
            form: OnceLock::new(),
            secret: OnceLock::new(),
            outcome: OnceLock::new(),
            received: AtomicU64::new(0),
            held: AtomicU64::new(0),
            rest: Mutex::new(None),
        })
    }

    /// The context of a request that passed the gate's outermost step.
    pub(crate) fn of(extensions: &Extensions) -> Option<&Arc<Self>> {
        extensions.get()
    }

    /// The id as a header's value.
    pub(crate) fn id_header(&self) -> HeaderValue {
        let mut buffer = Uuid::encode_buffer();
        let text = self.id.as_hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(text).expect("hexadecimal digits and hyphens are a header's value")
    }

    /// The scheme of the URL that the client asked for.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.connection.is_encrypted() {
            "https"
        } else {
            "http"
        }
    }

    /// Returns the origin of the request's delivery.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            id: self.id,
            peer: self.peer,
            scheme: self.scheme(),
            trusted: self.config.trusted_hops.trusts(&self.peer),
        }
    }

    pub(crate) fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        self.config.endpoints.at(*self.endpoint.get()?)
    }

    /// What counts its endpoint's requests.
    pub(crate) fn meter(&self) -> Option<&Meter> {
        self.config.meter(*self.endpoint.get()?)
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// The secret that verified it, if one did.
    pub(crate) fn secret(&self) -> Option<&SecretName> {
        self.secret.get()
    }

    /// What the connection does while the answer is on its way.
    pub(crate) fn answer_phase(&self) -> Phase {
        match self.outcome() {
            Some(Outcome::Refused(_)) => Phase::Refusal,
            _ => Phase::Answer,
        }
    }

    /// What the signature header looked like, and how long it was, where the request was refused.
    pub(crate) fn form(&self) -> Option<(HeaderForm, usize)> {
        self.form.get().copied()
    }

    /// Body bytes received.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Finds the endpoint by host and path, and notes it.
    pub(crate) fn find_endpoint(&self, host: &str, path: &str) -> Option<&Arc<Endpoint>> {
        let place = self.config.endpoints.place(host, path)?;
        self.config
            .endpoints
            .at(*self.endpoint.get_or_init(|| place))
    }

    /// Notes the secret that verified it.
    pub(crate) fn verified(&self, secret: &SecretName) {
        self.secret.get_or_init(|| secret.clone());
    }

    /// Notes how it ended; the first word stays.
    pub(crate) fn ended(&self, outcome: Outcome) {
        self.outcome.get_or_init(|| outcome);
    }

    /// Notes how it ended, or gives the word back if one was said before.
    pub(crate) fn try_end(&self, outcome: Outcome) -> Result<(), Outcome> {
        self.outcome.set(outcome)
    }

    /// Whether it was verified for the inbox, which then keeps it to the end whoever waits.
    pub(crate) fn is_being_kept(&self) -> bool {
        let durable = |endpoint: &Arc<Endpoint>| matches!(endpoint.target, Target::Durable(_));
        self.secret().is_some() && self.endpoint().is_some_and(durable)
    }

    /// Notes what the signature header looked like.
    pub(crate) fn looked_like(&self, form: HeaderForm, length: usize) {
        self.form.get_or_init(|| (form, length));
    }

    /// Notes how much of the body was read.
    pub(crate) fn has_received(&self, bytes: u64) {
        self.received.store(bytes, Relaxed);
    }

    /// Takes over the little that a refusal left unread of the body.
    pub(crate) fn leave(&self, rest: Incoming) {
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
    }

    /// What a refusal left unread of the body.
    pub(crate) fn take_rest(&self) -> Option<Incoming> {
        self.rest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Takes over memory that is given back once nothing of the request is left.
    pub(crate) fn keep(&self, held: u64) {
        self.held.fetch_add(held, Relaxed);
    }
}

thread_local! {
    /// Counts within a millisecond. Each worker has its own, since the one of the whole process is behind a lock.
    static IDS: ContextV7 = const { ContextV7::new() };
}

fn new_id() -> Uuid {
    IDS.with(|ids| Uuid::new_v7(Timestamp::now(ids)))
}

impl Drop for RequestContext {
    fn drop(&mut self) {
        self.shared.memory.give_back(*self.held.get_mut());
    }
}
