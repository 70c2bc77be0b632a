//! `/api/v1/inbox/deliveries`: stored deliveries, filtered and in pages.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::get,
};
use serde::Serialize;

use super::own_inbox::jobs_of;
use crate::{
    admin::{api::problem::ApiError, gate::Admin},
    inbox::{
        operations::{CursorText, DeliveryFilter, Page, StoredDelivery},
        store::Cursor,
    },
};

/// The size of a page unless the request names one.
const DEFAULT_LIMIT: usize = 100;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/inbox/deliveries", get(list))
}

/// A page of deliveries.
#[derive(Serialize)]
struct DeliveryPage {
    items: Vec<StoredDelivery>,
    next: Option<String>,
}

async fn list(
    State(admin): State<Arc<Admin>>,
    Query(params): Query<Vec<(String, String)>>,
) -> Result<Json<DeliveryPage>, ApiError> {
    let page = page(&params)?;
    let (items, next) = jobs_of(&admin)?.operations().list(page).await?;
    Ok(Json(DeliveryPage {
        items,
        next: next.map(|cursor| CursorText(cursor).to_string()),
    }))
}

fn page(params: &[(String, String)]) -> Result<Page, ApiError> {
    let mut filter = DeliveryFilter::default();
    let (mut after, mut most) = (None, DEFAULT_LIMIT);
    for (name, value) in params {
        match &**name {
            "after" => after = Some(cursor(value)?),
            "limit" => most = limit(value)?,
            _ => add(&mut filter, name, value)?,
        }
    }
    Ok(Page {
        selection: filter.into(),
        after,
        most,
    })
}

fn cursor(text: &str) -> Result<Cursor, ApiError> {
    let cursor = text.parse::<CursorText>();
    let cursor = cursor.map_err(|error| ApiError::bad_request("bad-cursor", error))?;
    Ok(cursor.0)
}

fn limit(text: &str) -> Result<usize, ApiError> {
    let limit = text.parse().ok();
    limit
        .filter(|limit| (1..=Page::MOST).contains(limit))
        .ok_or_else(|| {
            let detail = format!("limit: expected a number from 1 to {}", Page::MOST);
            ApiError::bad_request("bad-parameter", detail)
        })
}

fn add(filter: &mut DeliveryFilter, name: &str, value: &str) -> Result<(), ApiError> {
    match filter.add_param(name, value) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ApiError::bad_request(
            "unknown-parameter",
            format_args!("there is no parameter {name:?}"),
        )),
        Err(expected) => Err(ApiError::bad_request(
            "bad-parameter",
            format_args!("{name}: {expected}"),
        )),
    }
}
