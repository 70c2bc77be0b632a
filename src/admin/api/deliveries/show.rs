//! Shows one delivery: the records of the recorder, the inbox and the saved rejections together.

use std::{fs, path::PathBuf, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::stored::{Forwarded, StoredEvent, details};
use crate::{
    admin::{api::problem::ApiError, gate::Admin},
    delivery::ShownHead,
    inbox::operations::EventDetails,
    proxy::recorder::Record,
    rejected::SavedFile,
    runtime::background::run_on_thread,
};

/// Everything that the gate has of one delivery.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryDetails {
    /// The row of the recorder, as long as it is among the last.
    #[serde(serialize_with = "row")]
    row: Option<Arc<Record>>,
    /// The head of the request as received.
    #[serde(serialize_with = "received")]
    received: Option<Arc<Record>>,
    /// The requests to its destinations.
    forwarded: Vec<Forwarded>,
    /// The stored event.
    event: Option<EventDetails>,
    /// Whether it is a saved rejection.
    rejection: bool,
}

pub(super) async fn show(
    State(admin): State<Arc<Admin>>,
    Path(id): Path<Uuid>,
) -> Result<Json<DeliveryDetails>, ApiError> {
    let record = admin.gate.recorder.find(id);
    let event = details(&admin, id).await?;
    let rejection = is_saved_rejection(&admin, id).await;
    if record.is_none() && event.is_none() && !rejection {
        let detail = "the gate has no delivery with this id, or has it no longer";
        return Err(ApiError::not_found(detail));
    }
    let forwarded = match StoredEvent::read(&admin, id).await? {
        Some(event) => event.forwarded(&admin.gate.config()),
        None => record.as_deref().and_then(forwarded).into_iter().collect(),
    };
    Ok(Json(DeliveryDetails {
        received: record.clone(),
        row: record,
        forwarded,
        event,
        rejection,
    }))
}

/// Returns the request to the destination of a direct endpoint.
fn forwarded(record: &Record) -> Option<Forwarded> {
    Some(Forwarded {
        destination: record.row.destination.clone()?,
        head: ShownHead::clone(record.forwarded.as_ref()?),
    })
}

async fn is_saved_rejection(admin: &Admin, id: Uuid) -> bool {
    let settings = admin.gate.with_config(|config| config.rejected.clone());
    let Some(settings) = settings else {
        return false;
    };
    let file = SavedFile::of(&settings.dir, id).path;
    run_on_thread(move || is_file(&file)).await.unwrap_or(false)
}

fn is_file(path: &PathBuf) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn row<S: Serializer>(record: &Option<Arc<Record>>, serializer: S) -> Result<S::Ok, S::Error> {
    let row = record.as_ref().map(|record| &record.row);
    row.serialize(serializer)
}

fn received<S: Serializer>(record: &Option<Arc<Record>>, serializer: S) -> Result<S::Ok, S::Error> {
    let head = record.as_ref().and_then(|record| record.received.as_ref());
    head.serialize(serializer)
}
