//! `/api/v1/inbox/backups`: writes a copy of the store. Only the gate's own user may name a file to
//! write.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{Extension, Json, Router, extract::State, routing::post};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::own_inbox::jobs_of;
use crate::{
    admin::{
        access::OwnerOnly, api::problem::ApiError, gate::Admin, server::connection::AdminConnection,
    },
    sandbox::current,
};

/// The time for a backup of a full store on a slow disk.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/inbox/backups", post(create))
}

/// A copy of the store.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    /// The file, which must not exist.
    file: PathBuf,
}

async fn create(
    State(admin): State<Arc<Admin>>,
    OwnerOnly(operator): OwnerOnly,
    Extension(connection): Extension<Arc<AdminConnection>>,
    Json(backup): Json<Backup>,
) -> Result<(StatusCode, Json<Backup>), ApiError> {
    if !backup.file.is_absolute() {
        return Err(ApiError::bad_request(
            "relative-path",
            "name the file by its absolute path, because the gate has another working directory",
        ));
    }
    if current().is_some_and(|sandbox| sandbox.denies_writing(&backup.file)) {
        return Err(ApiError::conflict(
            "outside-sandbox",
            "the sandbox of the gate permits new files only in the directories of its configuration; name a file beside \
             the store, and move it afterwards",
        ));
    }
    let operations = jobs_of(&admin)?.operations();
    connection.grant(PATIENCE);
    operator.log("backup", backup.file.display());
    let written = operations.back_up(&backup.file).await;
    written.map_err(|error| ApiError::conflict("not-written", error))?;
    Ok((StatusCode::CREATED, Json(backup)))
}
