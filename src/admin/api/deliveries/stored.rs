//! A stored event with its deliveries, as the store of the inbox has it.

use std::{fmt::Display, sync::Arc};

use http::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    admin::{api::problem::ApiError, gate::Admin},
    delivery::{AttemptInfo, Delivery, ShownHead, seal::Intact},
    destination::Destination,
    inbox::{operations::EventDetails, store::DeliveryRow},
    proxy::snapshot::Snapshot,
    runtime::clock::{Clock, Millis},
};

/// A stored event whose seal held.
pub(super) struct StoredEvent {
    pub(super) intact: Intact,
    rows: Vec<DeliveryRow>,
}

/// A request as its destination gets it.
#[derive(Debug, Serialize)]
pub(super) struct Forwarded {
    pub(super) destination: String,
    #[serde(flatten)]
    pub(super) head: ShownHead,
}

impl StoredEvent {
    /// Reads an event. Returns `None` if the inbox has none with this id, or if it cannot be opened.
    pub(super) async fn read(admin: &Admin, id: Uuid) -> Result<Option<Self>, ApiError> {
        let Some(inbox) = &admin.gate.inbox else {
            return Ok(None);
        };
        let found = inbox
            .store
            .show(id)
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(found.and_then(|(event, rows)| {
            let intact = inbox.sealer.open(&event).ok()?;
            Some(Self { intact, rows })
        }))
    }

    /// Returns the requests of its next or last attempts. The changes to the headers are today's,
    /// as those of a next attempt are.
    pub(super) fn forwarded(self, config: &Snapshot) -> Vec<Forwarded> {
        let Self { intact, rows } = self;
        let Some(first) = rows.first() else {
            return Vec::new();
        };
        let now = Clock::System.now();
        let mut endpoints = config.endpoints.iter();
        let endpoint = endpoints.find(|endpoint| endpoint.name == intact.endpoint);
        let changes = endpoint.map(|endpoint| &endpoint.headers);
        let mut delivery = Delivery::stored(intact, attempt(first, now), changes);
        let forwarded = rows.iter().filter_map(|row| {
            let destination = destination(config, &row.queue)?;
            delivery.info.attempt = Some(attempt(row, now));
            Some(Forwarded {
                destination: destination.name.to_string(),
                head: destination.preview(&delivery),
            })
        });
        forwarded.collect()
    }
}

/// Describes an event for operators. Credentials among its headers are hidden.
pub(super) async fn details(admin: &Admin, id: Uuid) -> Result<Option<EventDetails>, ApiError> {
    let Some(jobs) = &admin.jobs else {
        return Ok(None);
    };
    let mut shown = jobs.operations().show(id).await?;
    if let Some(event) = &mut shown {
        event.redact();
    }
    Ok(shown)
}

/// Returns the error of a store that does not respond.
fn unavailable(error: &impl Display) -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "inbox-unavailable", error)
}

fn attempt(row: &DeliveryRow, now: Millis) -> AttemptInfo {
    AttemptInfo {
        number: row.attempts.max(1),
        begins: now,
        received: row.received,
        copy: row.copy,
        first_received: row.first_received,
    }
}

/// Finds the configured destination of a queue.
fn destination<'c>(config: &'c Snapshot, queue: &str) -> Option<&'c Arc<Destination>> {
    let endpoints = config.endpoints.iter();
    let mut all = endpoints.flat_map(|endpoint| endpoint.target.destinations());
    all.find(|destination| *destination.name == *queue)
}
