//! `/api/v1/destinations`: the destinations in force, and their health.

use std::{collections::HashSet, sync::Arc};

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

/// A destination.
#[derive(Debug, Serialize)]
struct Item {
    name: String,
    /// The address without a query, which may contain a token.
    address: String,
    endpoint: String,
    /// Whether its deliveries are stored first.
    durable: bool,
    taken: u64,
    last_taken: Option<u64>,
    failed: u64,
    last_failed: Option<Event>,
    /// The time since which the inbox considers it down.
    down_since: Option<u64>,
}

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/destinations", get(list))
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

/// Returns each destination once, even if several endpoints have it.
fn items(gate: &Shared) -> Vec<Item> {
    let config = gate.config();
    let mut seen = HashSet::new();
    let all = config.meters().iter().flat_map(of_endpoint);
    all.filter(|item| seen.insert(item.name.clone())).collect()
}

fn of_endpoint(meter: &Meter) -> impl Iterator<Item = Item> {
    let endpoint = &meter.endpoint;
    let destinations = endpoint.target.destinations().zip(&meter.destinations);
    destinations.map(|(destination, meter)| {
        let status::Destination {
            destination: name,
            taken,
            last_taken,
            failed,
            last_failed,
            durable,
        } = report::destination(meter, matches!(endpoint.target, Target::Durable(_)));
        Item {
            name,
            address: destination.address().without_query().to_string(),
            endpoint: endpoint.name.to_string(),
            durable,
            taken,
            last_taken,
            failed,
            last_failed,
            down_since: meter.down_since().map(report::seconds),
        }
    })
}
