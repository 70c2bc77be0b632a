//! Sends deliveries through the front door, a few at a time.

use std::{io, os::unix::net, sync::Arc, time::Duration};

use tokio::{
    net::UnixStream,
    sync::{Semaphore, SemaphorePermit},
};

use super::door::FrontDoor;
use crate::{
    admin::server::connection::AdminConnection,
    client::{Outgoing, ResponseSummary, SendError, deliver_over},
    net::listener::Incoming,
};

/// The deliveries that may be on their way at the same time. Operators send single ones, and the
/// places of the gate are for its senders.
const PLACES: usize = 4;

/// The limit of the time until the end of the response.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The time for the operator's own request: longer, so that it gets the result in any case.
/// Otherwise the operator would send the delivery again.
const PATIENCE: Duration = TIMEOUT.saturating_add(Duration::from_secs(10));

/// The bytes of a response's body that are kept.
const KEPT_BODY: usize = 64 * 1024;

/// Sends deliveries to its own gate.
pub(crate) struct FrontDoorClient {
    door: Arc<dyn FrontDoor>,
    places: Semaphore,
}

/// The right to send one delivery.
pub(crate) struct Place<'c> {
    door: &'c dyn FrontDoor,
    _permit: SemaphorePermit<'c>,
}

/// The reason why a delivery was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrontDoorError {
    /// Too many deliveries are on their way.
    #[error("{PLACES} deliveries are already on their way")]
    Busy,
    /// The system allows no more sockets.
    #[error("no connection to the gate itself: {0}")]
    NoSocket(#[from] io::Error),
}

impl FrontDoorError {
    /// Returns the word for programs.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoSocket(_) => "no-socket",
        }
    }
}

impl FrontDoorClient {
    pub(crate) fn new(door: Arc<dyn FrontDoor>) -> Self {
        Self {
            door,
            places: Semaphore::new(PLACES),
        }
    }

    /// Takes a place, if there is a free one, and grants the operator's connection enough time.
    pub(crate) fn place(&self, operator: &AdminConnection) -> Result<Place<'_>, FrontDoorError> {
        let permit = self.places.try_acquire();
        let permit = permit.map_err(|_| FrontDoorError::Busy)?;
        operator.grant(PATIENCE);
        Ok(Place {
            door: &*self.door,
            _permit: permit,
        })
    }
}

impl Place<'_> {
    /// Sends a delivery on a connection of its own. The inner error is the reason why there is no
    /// response.
    pub(crate) async fn send(
        self,
        outgoing: Outgoing,
    ) -> Result<Result<ResponseSummary, SendError>, FrontDoorError> {
        let (near, far) = net::UnixStream::pair()?;
        near.set_nonblocking(true)?;
        self.door.enter(Incoming::unix(far));
        let near = UnixStream::from_std(near)?;
        Ok(deliver_over(near, outgoing, TIMEOUT, KEPT_BODY).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::Mutex;

    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use crate::net::peer::Peer;

    /// A door behind which nothing responds.
    #[derive(Default)]
    struct Silent(Mutex<Vec<Incoming>>);

    impl FrontDoor for Silent {
        fn enter(&self, incoming: Incoming) {
            self.0.lock().expect("no panic").push(incoming);
        }
    }

    fn operator() -> AdminConnection {
        AdminConnection::new(Peer::Unix, None)
    }

    fn outgoing() -> Outgoing {
        Outgoing {
            method: Method::POST,
            headers: HeaderMap::new(),
            target: None,
            body: Bytes::new(),
        }
    }

    #[test]
    fn only_a_few_deliveries_are_on_their_way() {
        let client = FrontDoorClient::new(Arc::<Silent>::default());
        let mut held: Vec<_> = (0..PLACES)
            .map(|_| client.place(&operator()).expect("a place"))
            .collect();
        assert!(matches!(
            client.place(&operator()),
            Err(FrontDoorError::Busy)
        ));
        held.pop();
        assert!(client.place(&operator()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_gate_is_not_waited_for_without_end() {
        let client = FrontDoorClient::new(Arc::<Silent>::default());
        let operator = operator();
        let place = client.place(&operator).expect("a place");
        tokio::select! {
            biased;
            () = operator.expired() => panic!("the operator gets no result"),
            sent = place.send(outgoing()) => {
                let sent = sent.expect("a connection");
                assert!(matches!(sent, Err(SendError::TimedOut)), "{sent:?}");
            }
        }
        assert!(client.place(&operator).is_ok(), "its place is free again");
    }
}
