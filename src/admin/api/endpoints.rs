//! `/api/v1/endpoints`: the endpoints in force, with their settings and counters.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::get,
};
use serde::Serialize;

use super::{
    page::{Page, PageQuery},
    problem::ApiError,
};
use crate::{
    admin::{
        access::Look,
        gate::Admin,
        report,
        status::{self, Event},
    },
    endpoint::Target,
    proxy::{meters::endpoint::Meter, shared::Shared},
};

/// An endpoint.
#[derive(Debug, Serialize)]
struct Item {
    name: String,
    path: String,
    host: Option<String>,
    methods: Vec<String>,
    /// The header of the signature.
    header: String,
    max_body: u64,
    query: String,
    /// Whether deliveries are stored first.
    durable: bool,
    /// Whether a proxy only asks for verdicts.
    verdict: bool,
    /// The names of the secrets, newest first.
    secrets: Vec<String>,
    destinations: Vec<String>,
    verified: u64,
    last_verified: Option<u64>,
    rejected: u64,
    last_rejected: Option<Event>,
    not_taken: u64,
    last_not_taken: Option<Event>,
}

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/endpoints", get(list))
}

async fn list(
    _: Look,
    State(admin): State<Arc<Admin>>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Item>>, ApiError> {
    let items = admin.render(|gate| Some(items(gate))).await;
    let items = items.ok_or_else(ApiError::internal)?;
    Page::of(items, &query, |item| &item.name)
}

fn items(gate: &Shared) -> Vec<Item> {
    let config = gate.config();
    let meters = config.meters().iter();
    meters.map(|meter| item(meter, gate)).collect()
}

fn item(meter: &Meter, gate: &Shared) -> Item {
    let (endpoint, counted) = (&meter.endpoint, report::endpoint(meter, gate));
    let status::Endpoint {
        endpoint: name,
        verified,
        last_verified,
        rejected,
        last_rejected,
        not_taken,
        last_not_taken,
        ..
    } = counted;
    let policy = &endpoint.policy;
    let destinations = endpoint.target.destinations();
    Item {
        name,
        path: endpoint.path.to_string(),
        host: endpoint.host.as_ref().map(ToString::to_string),
        methods: policy.methods().iter().map(ToString::to_string).collect(),
        header: policy.header().to_string(),
        max_body: policy.max_body(),
        query: endpoint.query.to_string(),
        durable: matches!(endpoint.target, Target::Durable(_)),
        verdict: matches!(endpoint.target, Target::Verdict),
        secrets: policy.keyring().names().map(ToString::to_string).collect(),
        destinations: destinations.map(|one| one.name.to_string()).collect(),
        verified,
        last_verified,
        rejected,
        last_rejected,
        not_taken,
        last_not_taken,
    }
}
