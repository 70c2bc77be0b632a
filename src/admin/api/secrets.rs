//! `/api/v1/secrets`: the names of the secrets in force, and their last match. Never a value.

use std::{collections::BTreeMap, sync::Arc};

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
        status::{Endpoint, removable_since},
    },
    proxy::shared::Shared,
    telemetry::count,
};

/// A secret, over all endpoints that accept it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Item {
    name: String,
    endpoints: Vec<String>,
    matched: u64,
    last_matched: Option<u64>,
    counted_since: u64,
    /// The time since which every endpoint can do without it.
    removable_since: Option<u64>,
}

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/secrets", get(list))
}

async fn list(
    _: Look,
    State(admin): State<Arc<Admin>>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Item>>, ApiError> {
    let items = admin.render(|gate| Some(current_items(gate))).await;
    let items = items.ok_or_else(ApiError::internal)?;
    Page::of(items, &query, |item| &item.name)
}

fn current_items(gate: &Shared) -> Vec<Item> {
    let config = gate.config();
    let meters = config.meters().iter();
    let endpoints: Vec<_> = meters.map(|meter| report::endpoint(meter, gate)).collect();
    items(&endpoints, report::seconds(count::now()))
}

fn items(endpoints: &[Endpoint], now: u64) -> Vec<Item> {
    let mut items = BTreeMap::<&str, Item>::new();
    for endpoint in endpoints {
        for (rank, secret) in endpoint.secrets.iter().enumerate() {
            let newest = &endpoint.secrets[0];
            let removable = match rank {
                0 => None,
                _ => removable_since(newest, secret, now),
            };
            let found = items.entry(&secret.secret).or_insert_with(|| Item {
                name: secret.secret.clone(),
                endpoints: Vec::new(),
                matched: 0,
                last_matched: None,
                counted_since: secret.counted_since,
                removable_since: Some(0),
            });
            found.endpoints.push(endpoint.endpoint.clone());
            found.matched += secret.matched;
            found.last_matched = found.last_matched.max(secret.last_matched);
            found.counted_since = found.counted_since.min(secret.counted_since);
            let both = found.removable_since.zip(removable);
            found.removable_since = both.map(|(one, other)| one.max(other));
        }
    }
    items.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::status::Secret;

    const DAY: u64 = 86_400;

    fn endpoint(name: &str, secrets: &[(&str, Option<u64>)]) -> Endpoint {
        let secrets = secrets.iter().map(|(name, last_matched)| Secret {
            secret: (*name).to_owned(),
            matched: u64::from(last_matched.is_some()),
            last_matched: *last_matched,
            counted_since: 1000,
            ..Secret::default()
        });
        Endpoint {
            endpoint: name.to_owned(),
            secrets: secrets.collect(),
            ..Endpoint::default()
        }
    }

    #[test]
    fn a_secret_can_go_only_if_every_endpoint_can_do_without_it() {
        let orders = endpoint("orders", &[("new", Some(9000)), ("old", Some(2000))]);
        let carts = endpoint("carts", &[("new", Some(9000)), ("old", Some(3000))]);
        let all = items(&[orders.clone(), carts], 10_000 + DAY);
        assert_eq!(all.len(), 2);
        let [new, old] = &all[..] else {
            unreachable!("two names")
        };
        assert_eq!((&*new.name, new.matched), ("new", 2));
        assert_eq!(new.removable_since, None);
        assert_eq!(old.endpoints, ["orders", "carts"]);
        assert_eq!(old.last_matched, Some(3000));
        assert_eq!(old.removable_since, Some(3000 + DAY));
        let only = endpoint("carts", &[("old", None)]);
        let all = items(&[orders, only], 10_000 + DAY);
        assert_eq!(all[1].removable_since, None);
    }
}
