//! `/api/v1/inbox/deliveries`: stored deliveries, filtered and in pages.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::get,
};

use super::own_inbox::jobs_of;
use crate::{
    admin::{
        api::{page::limit, problem::ApiError},
        gate::Admin,
    },
    inbox::{
        operations::{CursorText, DeliveryFilter, PageRange, StoredPage},
        store::{Cursor, ListOrder},
    },
};

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/inbox/deliveries", get(list))
}

async fn list(
    State(admin): State<Arc<Admin>>,
    Query(params): Query<Vec<(String, String)>>,
) -> Result<Json<StoredPage>, ApiError> {
    let page = page(&params)?;
    Ok(Json(jobs_of(&admin)?.operations().list(page).await?))
}

fn page(params: &[(String, String)]) -> Result<PageRange, ApiError> {
    let mut filter = DeliveryFilter::default();
    let (mut order, mut after, mut most) = (ListOrder::OldestFirst, None, None);
    for (name, value) in params {
        match &**name {
            "order" => order = list_order(value)?,
            "after" => after = Some(cursor(value)?),
            "limit" => most = Some(value.parse().unwrap_or(0)),
            _ => add(&mut filter, name, value)?,
        }
    }
    Ok(PageRange {
        selection: filter.into(),
        order,
        after,
        most: limit(most)?,
    })
}

fn list_order(text: &str) -> Result<ListOrder, ApiError> {
    match text {
        "oldest" => Ok(ListOrder::OldestFirst),
        "newest" => Ok(ListOrder::NewestFirst),
        _ => Err(ApiError::bad_request(
            "bad-parameter",
            "order: expected oldest or newest",
        )),
    }
}

fn cursor(text: &str) -> Result<Cursor, ApiError> {
    let cursor = text.parse::<CursorText>();
    let cursor = cursor.map_err(|error| ApiError::bad_request("bad-cursor", error))?;
    Ok(cursor.0)
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
