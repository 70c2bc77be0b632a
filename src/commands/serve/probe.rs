//! Connects once to each app in the background, so that the start reveals a wrong address or a
//! missing app before the first lost order does.

use std::{collections::BTreeMap, sync::Arc};

use super::announce::TARGET;
use crate::{destination::Destination, proxy::config::Config};

/// Connects to each destination of `config` that is new or has another address than in `before`.
pub(super) fn probe(config: &Config, before: Option<&Config>) {
    let known = before.map(destinations).unwrap_or_default();
    for (name, destination) in destinations(config) {
        let address = |one: &Arc<Destination>| one.address().clone();
        if known.get(&name).map(address) != Some(address(&destination)) {
            tokio::spawn(connect(destination));
        }
    }
}

/// Returns each destination once, even if several endpoints have it.
fn destinations(config: &Config) -> BTreeMap<Arc<str>, Arc<Destination>> {
    let all = config.endpoints.iter();
    let all = all.flat_map(|endpoint| endpoint.target.destinations());
    all.map(|one| (Arc::clone(&one.name), Arc::clone(one)))
        .collect()
}

/// Connects to the app and logs the result.
async fn connect(app: Arc<Destination>) {
    let (destination, address) = (&*app.name, app.address().transport());
    match app.reach().await {
        Ok(()) => tracing::info!(target: TARGET, destination, %address, "app reachable"),
        Err(cause) => tracing::warn!(
            target: TARGET,
            destination,
            %address,
            %cause,
            "app not reachable; check that it runs, and that its URL is right"
        ),
    }
}
