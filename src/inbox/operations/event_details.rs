//! A stored event as an operator sees it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{attempt_details::AttemptDetails, stored_delivery::StoredDelivery, time};
use crate::{
    delivery::{
        Head,
        event::SealedEvent,
        is_credential, redacted,
        seal::{Intact, UnsealError},
    },
    runtime::clock::Millis,
};

/// One stored event without its body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventDetails {
    pub(crate) id: Uuid,
    pub(crate) endpoint: String,
    pub(crate) kind: String,
    #[serde(with = "time")]
    pub(crate) received: Millis,
    pub(crate) intact: bool,
    /// The reason why the event cannot be opened. Its head is then left out, because it may be
    /// forged.
    pub(crate) broken: Option<String>,
    pub(crate) head: Option<HeadDetails>,
    pub(crate) deliveries: Vec<StoredDelivery>,
    /// The attempts that the gate remembers, the oldest first.
    pub(crate) attempts: Vec<AttemptDetails>,
}

/// The head of the request that delivered an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadDetails {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) secret: String,
    pub(crate) peer: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// The body of an event, or the reason why it cannot be opened.
pub(crate) type OpenedBody = Result<Bytes, String>;

impl EventDetails {
    pub(super) fn new(
        event: &SealedEvent,
        opened: &Result<Intact, UnsealError>,
        deliveries: Vec<StoredDelivery>,
        attempts: Vec<AttemptDetails>,
    ) -> Self {
        Self {
            id: event.id,
            endpoint: event.endpoint.to_string(),
            kind: event.kind.as_str().to_owned(),
            received: event.received,
            intact: opened.is_ok(),
            broken: opened.as_ref().err().map(ToString::to_string),
            head: opened.as_ref().ok().map(|intact| intact.head().into()),
            deliveries,
            attempts,
        }
    }

    /// Replaces the values of headers that prove who sends a request.
    pub(crate) fn redact(&mut self) {
        let head = self.head.iter_mut();
        for (name, value) in head.flat_map(|head| &mut head.headers) {
            if is_credential(name) {
                *value = redacted(value.len());
            }
        }
    }
}

impl From<&Head> for HeadDetails {
    fn from(head: &Head) -> Self {
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        });
        Self {
            method: head.method.to_string(),
            target: head.target.to_string(),
            secret: head.secret.to_string(),
            peer: head.peer.to_string(),
            headers: headers.collect(),
        }
    }
}
