//! One late delivery on its way to the inbox or the app.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{Response, request::Parts};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::timeout;
use tower_cartgate::Verified;

use super::ledger::Setback;
use crate::{
    delivery::{Delivery, Head, SharedMemory, origin::Origin},
    destination::Destination,
    endpoint::Target,
    net::peer::Peer,
    outcome::reject_reason::{NotStored, RejectReason},
    proxy::{
        admission::{HeldMemory, memory::FREE_SHARE},
        context::EndpointContext,
        handlers::{direct, durable::Intake},
        outcome::{Handled, RequestOutcome},
        response_body::ResponseBody,
        shared::Shared,
        snapshot::Snapshot,
    },
    rejected::{LateState, SavedRejection},
};

/// The limits of the body of a response. It is read so that the app sees no broken connection.
const BODY: usize = 64 * 1024;
const BODY_TIME: Duration = Duration::from_secs(5);

/// A saved rejection that verified just now.
pub(super) struct Errand {
    pub(super) rejection: SavedRejection,
    pub(super) verified: Verified,
    /// The index of its endpoint in the snapshot.
    pub(super) index: usize,
}

impl Errand {
    /// Delivers it as if it had just arrived. Returns the state that it is in from then on.
    pub(super) async fn run(
        self,
        gate: &Arc<Shared>,
        snapshot: &Arc<Snapshot>,
    ) -> Result<LateState, Setback> {
        let Some(memory) = memory(gate, self.verified.len()) else {
            return Err(Setback {
                cause: "no memory is free for the body".to_owned(),
                is_own: false,
            });
        };
        let meter = snapshot.meter(self.index);
        let secret = self.verified.secret_name().clone();
        let result = match &meter.endpoint.target {
            Target::Direct(destination) => self.send(snapshot, destination, memory).await,
            Target::Durable(_) => self.store(gate, snapshot, memory).await,
            // The examination rejects these.
            Target::Verdict => return Ok(LateState::Copy),
        };
        if result.is_ok() {
            meter.count_late(&secret);
        }
        result
    }

    async fn send(
        self,
        snapshot: &Snapshot,
        destination: &Arc<Destination>,
        memory: Option<HeldMemory>,
    ) -> Result<LateState, Setback> {
        let (endpoint, meter) = (snapshot.endpoint(self.index), snapshot.meter(self.index));
        let (origin, mut parts) = (self.origin(snapshot), self.parts(snapshot));
        let memory: SharedMemory = memory.map(|memory| Arc::new(memory) as _);
        let headers = endpoint.delivery_headers();
        let verified = (self.verified, memory);
        let mut delivery = Delivery::direct(verified, &mut parts, &origin, &endpoint.name, headers);
        let meter = meter.destinations.first();
        let meter = meter.expect("a direct endpoint has one destination");
        // No worker uses the pool of the dispatcher for a direct endpoint.
        let worker = destination.dispatcher();
        let delivering = direct::deliver(&mut delivery, destination, meter, worker);
        drop(delivery);
        let Handled { response, outcome } = delivering.await;
        match outcome {
            RequestOutcome::Responded => accepted(response).await,
            RequestOutcome::Failed { cause, .. } => Err(Setback {
                cause,
                is_own: false,
            }),
            _ => unreachable("a direct delivery"),
        }
    }

    async fn store(
        self,
        gate: &Arc<Shared>,
        snapshot: &Arc<Snapshot>,
        memory: Option<HeldMemory>,
    ) -> Result<LateState, Setback> {
        let (id, index) = (self.rejection.id, self.index);
        let (origin, mut parts) = (self.origin(snapshot), self.parts(snapshot));
        let headers = snapshot.endpoint(index).delivery_headers();
        let intake = Intake {
            head: Head::new(&self.verified, &mut parts, &origin, headers),
            verified: self.verified,
            context: EndpointContext::late(id, gate, snapshot, index),
            memory: Box::new(memory),
        };
        match intake.store().await {
            RequestOutcome::Stored { .. } => Ok(LateState::Delivered),
            // The gate ended after the commit, and before the mark.
            RequestOutcome::Duplicate { of } if of == id => Ok(LateState::Delivered),
            RequestOutcome::Duplicate { .. } => Ok(LateState::Copy),
            RequestOutcome::Failed { reason, cause } => Err(Setback {
                cause,
                is_own: matches!(reason, RejectReason::NotStored(NotStored::Copies)),
            }),
            _ => unreachable("a stored delivery"),
        }
    }

    fn origin(&self, snapshot: &Snapshot) -> Origin {
        let peer = peer(self.rejection.peer.as_bytes());
        // The file does not contain the scheme. TCP listeners speak TLS if there is a certificate.
        let is_tls = snapshot.tls.is_some() && peer != Peer::Unix;
        Origin {
            id: self.rejection.id,
            peer,
            scheme: if is_tls { "https" } else { "http" },
            trusted: snapshot.trusted_hops.trusts(&peer),
            late: true,
        }
    }

    fn parts(&self, snapshot: &Snapshot) -> Parts {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        let query = snapshot.endpoint(self.index).query;
        parts.method = self.rejection.method.clone();
        parts.uri = self.rejection.target.clone().into();
        query.apply(&mut parts.uri);
        parts.headers = self.rejection.headers.clone();
        parts
    }
}

/// Takes the memory of a body as a request does. Returns `None` if too little is free.
fn memory(gate: &Shared, length: usize) -> Option<Option<HeldMemory>> {
    let length = length as u64;
    if length <= FREE_SHARE {
        return Some(None);
    }
    let is_free = gate.memory.take(length);
    is_free.then(|| Some(HeldMemory::new(&gate.memory, length)))
}

/// Reads the peer in a file, which has no port.
fn peer(text: &[u8]) -> Peer {
    let address = std::str::from_utf8(text).ok();
    let address = address.and_then(|text| text.parse().ok());
    address.map_or(Peer::Unix, |ip| Peer::Tcp(SocketAddr::new(ip, 0)))
}

/// Judges the response of an app.
async fn accepted(response: Response<ResponseBody>) -> Result<LateState, Setback> {
    let status = response.status();
    let body = Limited::new(response.into_body(), BODY);
    // The status alone counts.
    let _ = timeout(BODY_TIME, body.collect()).await;
    if status.is_success() {
        return Ok(LateState::Delivered);
    }
    Err(Setback {
        cause: format!("the app responded with {}", status.as_u16()),
        is_own: !matches!(status.as_u16(), 429 | 502..=504),
    })
}

fn unreachable<T>(what: &str) -> Result<T, Setback> {
    Err(Setback {
        cause: format!("a bug: {what} ended without a result"),
        is_own: true,
    })
}
