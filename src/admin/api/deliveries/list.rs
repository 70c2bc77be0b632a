//! Lists recent deliveries, newest first.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::{
    admin::{
        api::{page::limit, problem::ApiError},
        gate::Admin,
    },
    proxy::recorder::{Record, Row, RowId, RowVerdict},
};

/// The query of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Words, separated by commas.
    verdict: Option<String>,
    endpoint: Option<String>,
    kind: Option<String>,
    reason: Option<String>,
    id: Option<Uuid>,
    limit: Option<usize>,
    after: Option<String>,
}

/// A page of the list.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryPage {
    items: Vec<Item>,
    /// The cursor of the next page, unless this is the last.
    next: Option<String>,
}

/// A record of which only the row is shown.
#[derive(Debug)]
struct Item(Arc<Record>);

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.row.serialize(serializer)
    }
}

pub(super) async fn list(
    State(admin): State<Arc<Admin>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<DeliveryPage>, ApiError> {
    let recorder = &admin.gate.recorder;
    // A program that asks again and again finds the deliveries in between.
    recorder.look();
    let instance = recorder.instance();
    let before = query.before(instance)?;
    let verdicts = query.verdicts()?;
    let limit = limit(query.limit)?;
    let records = recorder.before(before).into_iter();
    let mut found = records.filter(|record| query.selects(&record.row, &verdicts));
    let items: Vec<_> = found.by_ref().take(limit).map(Item).collect();
    let last = items.last().filter(|_| found.next().is_some());
    let next = last.map(|Item(record)| {
        let number = record.number;
        RowId { instance, number }.to_string()
    });
    Ok(Json(DeliveryPage { items, next }))
}

impl ListQuery {
    /// Returns the number of the record at which the previous page ended.
    fn before(&self, instance: Uuid) -> Result<u64, ApiError> {
        let Some(after) = &self.after else {
            return Ok(u64::MAX);
        };
        let cursor = after.parse::<RowId>().ok();
        let own = cursor.filter(|cursor| cursor.instance == instance);
        own.map(|cursor| cursor.number).ok_or_else(|| {
            let detail = "the gate has no such page; it may have restarted since";
            ApiError::bad_request("bad-cursor", detail)
        })
    }

    /// Returns the wanted verdicts; all if the list is empty.
    fn verdicts(&self) -> Result<Vec<RowVerdict>, ApiError> {
        let words = self.verdict.as_deref().unwrap_or_default().split(',');
        let words = words.map(str::trim).filter(|word| !word.is_empty());
        let verdicts = words.map(|word| {
            let found = RowVerdict::ALL.into_iter().find(|one| one.as_str() == word);
            found.ok_or_else(|| {
                let all = RowVerdict::ALL.map(RowVerdict::as_str).join(", ");
                ApiError::bad_request("bad-verdict", format!("expected one of {all}"))
            })
        });
        verdicts.collect()
    }

    fn selects(&self, row: &Row, verdicts: &[RowVerdict]) -> bool {
        let is = |wanted: &Option<String>, own: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == own
        };
        (verdicts.is_empty() || verdicts.contains(&row.verdict))
            && is(&self.endpoint, row.endpoint.as_deref())
            && is(&self.kind, row.kind)
            && is(&self.reason, row.reason)
            && self.id.is_none_or(|id| id == row.id)
    }
}
