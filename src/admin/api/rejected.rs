//! `/api/v1/rejected`: saved rejections, judged by the secrets of now. One that verifies by now can
//! be forwarded through the gate's own front door.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Extension, Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{
    StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST},
};
use serde::{Deserialize, Serialize};
use tower_cartgate::verify;
use uuid::Uuid;

use super::{page::limit, problem::ApiError};
use crate::{
    admin::{
        access::{Act, Identity, Look},
        front_door::{DeliveryAddress, TestResult},
        gate::Admin,
        log::TARGET,
        server::connection::AdminConnection,
    },
    client::{Outgoing, ResponseSummary, SendError},
    delivery::{is_credential, redacted},
    doctor::SignatureVerdict,
    endpoint::{Endpoint, Endpoints, Target},
    proxy::snapshot::Snapshot,
    rejected::{
        DirectoryLock, LateState, ReadError, RejectionDetails, RejectionJudge, SavedFile,
        SavedRejection, Settings,
    },
    runtime::background::run_on_thread,
    text::rfc3339,
};

/// The time after which a page ends early: the doctor computes long for each large body.
const PAGE_TIME: Duration = Duration::from_secs(3);

/// The time to wait for a delivery that is on its way.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new()
        .route("/rejected", get(list))
        .route("/rejected/{id}", get(show))
        .route("/rejected/{id}/body", get(body))
        .route("/rejected/{id}/recheck", post(recheck))
        .route("/rejected/{id}/forward", post(forward))
}

/// The part of the list that a request asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RejectionQuery {
    limit: Option<usize>,
    /// The last rejection of the previous page.
    after: Option<Uuid>,
}

/// The body of a request to forward.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ForwardRequest {
    /// Whether a rejection that was forwarded before is forwarded once more.
    #[serde(default)]
    again: bool,
}

/// A page of saved rejections, newest first.
#[derive(Serialize)]
struct RejectionPage {
    items: Vec<RejectionDetails>,
    next: Option<Uuid>,
}

/// A saved rejection with its headers.
#[derive(Serialize)]
struct RejectionWithHeaders {
    #[serde(flatten)]
    details: RejectionDetails,
    headers: Vec<(String, String)>,
}

async fn list(
    State(admin): State<Arc<Admin>>,
    Query(query): Query<RejectionQuery>,
) -> Result<Json<RejectionPage>, ApiError> {
    let limit = limit(query.limit)?;
    let page = on_thread(&admin, move |config, settings| {
        page(config, settings, limit, query.after)
    });
    Ok(Json(page.await??))
}

async fn show(
    State(admin): State<Arc<Admin>>,
    Look(operator): Look,
    Path(id): Path<Uuid>,
) -> Result<Json<RejectionWithHeaders>, ApiError> {
    let (rejection, details) = judged(&admin, id).await?;
    let mut headers = rejection.header_texts();
    if operator.identity != Identity::Owner {
        for (name, value) in &mut headers {
            if is_credential(name) {
                *value = redacted(value.len());
            }
        }
    }
    Ok(Json(RejectionWithHeaders { details, headers }))
}

/// Returns the octets of a body. They are forged or unverified, so no browser may show them as a
/// page.
async fn body(
    State(admin): State<Arc<Admin>>,
    Look(operator): Look,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiError> {
    let rejection = on_thread(&admin, move |_, settings| read(settings, id)).await??;
    operator.log("open-rejected-body", id);
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}\""),
        ),
    ];
    Ok((headers, rejection.bytes()).into_response())
}

async fn recheck(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
    Path(id): Path<Uuid>,
) -> Result<Json<RejectionDetails>, ApiError> {
    let (_, details) = judged(&admin, id).await?;
    operator.log("recheck", id);
    Ok(Json(details))
}

async fn forward(
    State(admin): State<Arc<Admin>>,
    Act(operator): Act,
    Extension(connection): Extension<Arc<AdminConnection>>,
    Path(id): Path<Uuid>,
    request: Option<Json<ForwardRequest>>,
) -> Result<Json<TestResult>, ApiError> {
    let again = request.is_some_and(|Json(request)| request.again);
    let _lock = lock(&admin).await?;
    let verified = on_thread(&admin, move |config, settings| {
        let outgoing = verified(config, read(settings, id)?)?;
        refuse_again(again, &SavedFile::of(&settings.dir, id))?;
        Ok::<_, ApiError>(outgoing)
    });
    let outgoing = verified.await??;
    let place = admin.front_door.place(&connection)?;
    operator.log("forward", id);
    let outcome = place.send(outgoing).await?;
    log_forwarded(id, &outcome);
    if outcome
        .as_ref()
        .is_ok_and(|response| response.status.is_success())
    {
        remember_forwarded(&admin, id).await?;
    }
    Ok(Json(TestResult::of(None, &outcome)))
}

/// Locks the directory, so that the gate, another one or another operator does not deliver the same
/// rejection meanwhile.
async fn lock(admin: &Admin) -> Result<Option<DirectoryLock>, ApiError> {
    let Some(settings) = admin.gate.config().rejected.clone() else {
        return Ok(None);
    };
    let lock = DirectoryLock::take(&settings.dir, PATIENCE).await;
    match lock.map_err(unreadable)? {
        Some(lock) => Ok(Some(lock)),
        None => Err(ApiError::unavailable("busy", "another one is on its way")),
    }
}

fn refuse_again(again: bool, file: &SavedFile) -> Result<(), ApiError> {
    if file.late_state() == Some(LateState::Waiting) {
        let detail = "the gate delivers it by itself as soon as its app or the inbox accepts it";
        return Err(ApiError::conflict("waiting", detail));
    }
    let Some(forwarded) = file.forwarded().filter(|_| !again) else {
        return Ok(());
    };
    let forwarded = rfc3339::seconds(forwarded);
    let detail =
        format!("it was forwarded at {forwarded}; `\"again\": true` forwards it once more");
    Err(ApiError::conflict("already-forwarded", detail))
}

/// Marks the rejection. Without a mark, only the next operator gets no warning.
async fn remember_forwarded(admin: &Admin, id: Uuid) -> Result<(), ApiError> {
    let marked = on_thread(admin, move |_, settings| {
        SavedFile::of(&settings.dir, id).mark_forwarded()
    });
    if let Err(error) = marked.await? {
        tracing::warn!(target: TARGET, rejection = %id, %error, "not marked as forwarded");
    }
    Ok(())
}

/// Logs the delivery that a saved rejection has become.
fn log_forwarded(rejection: Uuid, outcome: &Result<ResponseSummary, SendError>) {
    let delivery = outcome.as_ref().ok().and_then(ResponseSummary::delivery_id);
    let result = match outcome {
        Ok(response) => response.status.to_string(),
        Err(error) => error.to_string(),
    };
    tracing::info!(target: TARGET, %rejection, delivery, result, "forwarded");
}

/// Runs work on the files on a thread of its own, one at a time: the doctor computes long, and the
/// disk may be slow.
async fn on_thread<T: Send + 'static>(
    admin: &Admin,
    work: impl FnOnce(&Snapshot, &Settings) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let config = admin.gate.config();
    let settings = config.rejected.clone().ok_or_else(|| {
        let detail = "the gate saves no rejections; [rejected] dir names a directory for them";
        ApiError::new(StatusCode::NOT_FOUND, "none-saved", detail)
    })?;
    let turn = Arc::clone(&admin.judging).lock_owned().await;
    let done = run_on_thread(move || {
        // The thread goes on when the client leaves.
        let _turn = turn;
        work(&config, &settings)
    });
    let done = done.await;
    done.map_err(|_| ApiError::internal())
}

async fn judged(admin: &Admin, id: Uuid) -> Result<(SavedRejection, RejectionDetails), ApiError> {
    let judged = on_thread(admin, move |config, settings| {
        let rejection = read(settings, id)?;
        let file = SavedFile::of(&settings.dir, id);
        let details = details(config, &file, &rejection);
        Ok((rejection, details))
    });
    judged.await?
}

fn page(
    config: &Snapshot,
    settings: &Settings,
    limit: usize,
    after: Option<Uuid>,
) -> Result<RejectionPage, ApiError> {
    let files = SavedFile::all(&settings.dir).map_err(unreadable)?;
    let older = |file: &SavedFile| after.is_none_or(|after| file.id < after);
    let begun = Instant::now();
    let (mut items, mut last) = (Vec::new(), None);
    for file in files.iter().rev().filter(|file| older(file)) {
        let is_late = last.is_some() && begun.elapsed() >= PAGE_TIME;
        if items.len() == limit || is_late {
            return Ok(RejectionPage { items, next: last });
        }
        // The gate may have evicted the file meanwhile, and a person may have changed it.
        let saved = file.read().ok().flatten();
        items.extend(saved.map(|rejection| details(config, file, &rejection)));
        last = Some(file.id);
    }
    Ok(RejectionPage { items, next: None })
}

fn read(settings: &Settings, id: Uuid) -> Result<SavedRejection, ApiError> {
    let found = SavedFile::of(&settings.dir, id).read();
    let found = found.map_err(|error| match error {
        ReadError::Io(error) => unreadable(error),
        error => ApiError::conflict("malformed", error),
    })?;
    found.ok_or_else(|| ApiError::not_found(format_args!("there is no saved rejection {id}")))
}

fn unreadable(error: std::io::Error) -> ApiError {
    ApiError::unavailable("unreadable", error)
}

fn details(config: &Snapshot, file: &SavedFile, rejection: &SavedRejection) -> RejectionDetails {
    let endpoint = endpoint(&config.endpoints, rejection);
    RejectionDetails::new(
        file,
        rejection,
        endpoint.map(|endpoint| verdict(endpoint, rejection)),
    )
}

fn endpoint<'c>(endpoints: &'c Endpoints, rejection: &SavedRejection) -> Option<&'c Arc<Endpoint>> {
    let name = rejection.endpoint.as_bytes();
    endpoints.iter().find(|own| own.name.as_bytes() == name)
}

fn verdict(endpoint: &Endpoint, rejection: &SavedRejection) -> SignatureVerdict {
    let judge = RejectionJudge {
        header: endpoint.policy.header(),
        keyring: endpoint.policy.keyring(),
        secrets: &endpoint.secrets,
    };
    judge.judge(rejection)
}

/// Verifies a rejection by the policy of its endpoint, and returns the request that sends it again.
fn verified(config: &Snapshot, rejection: SavedRejection) -> Result<Outgoing, ApiError> {
    let endpoints = &config.endpoints;
    let endpoint = endpoint(endpoints, &rejection).ok_or_else(|| {
        let detail = "its endpoint is no longer configured";
        ApiError::conflict("no-endpoint", detail)
    })?;
    // The gate would accept it, and no app would get it.
    if matches!(endpoint.target, Target::Verdict) {
        let detail = "its endpoint forwards nothing; send it through the proxy: cartgate send URL --delivery FILE";
        return Err(ApiError::conflict("forwards-nothing", detail));
    }
    let body = rejection.bytes();
    let verified = verify(&endpoint.policy, &rejection.headers, body).map_err(|rejected| {
        let detail = format!("it is still rejected: {}", rejected.kind().as_str());
        ApiError::conflict("not-verified", detail)
    })?;
    let host = rejection.only(&HOST).cloned();
    let mut outgoing = Outgoing::resent(rejection, &verified, endpoint.policy.header());
    let leads_there = |host: &str, path: &str| {
        let found = endpoints.find(host, path);
        found.is_some_and(|found| Arc::ptr_eq(found, endpoint))
    };
    let path = outgoing.target.as_ref().map_or("/", |target| target.path());
    if let Some(host) = host
        && host.to_str().is_ok_and(|text| leads_there(text, path))
    {
        outgoing.headers.insert(HOST, host);
        return Ok(outgoing);
    }
    // The address that it came to now leads elsewhere.
    let address = DeliveryAddress::of(endpoint, endpoints).ok_or_else(|| {
        let detail = "other endpoints take all requests of its endpoint";
        ApiError::conflict("endpoint-hidden", detail)
    })?;
    Ok(address.apply(outgoing))
}
