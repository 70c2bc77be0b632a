//! Tries each app once, in the background: a wrong address or an app that is not there shows at the start, and not only by
//! the first order that is lost.

use std::{collections::BTreeMap, sync::Arc};

use super::announce::TARGET;
use crate::{destination::Destination, proxy::config::Config};

/// Tries each destination of `config` whose address `before` does not have.
pub(super) fn look(config: &Config, before: Option<&Config>) {
    let known = before.map(destinations).unwrap_or_default();
    for (name, destination) in destinations(config) {
        let address = |one: &Arc<Destination>| one.address().clone();
        if known.get(&name).map(address) != Some(address(&destination)) {
            tokio::spawn(log(destination));
        }
    }
}

/// Each destination once, however many endpoints have it.
fn destinations(config: &Config) -> BTreeMap<Arc<str>, Arc<Destination>> {
    let all = config.endpoints.iter();
    let all = all.flat_map(|endpoint| endpoint.target.destinations());
    all.map(|one| (Arc::clone(&one.name), Arc::clone(one)))
        .collect()
}

async fn log(app: Arc<Destination>) {
    let (destination, address) = (&*app.name, app.address().endpoint());
    match app.reach().await {
        Ok(()) => tracing::info!(target: TARGET, destination, %address, "app reachable"),
        Err(cause) => tracing::warn!(
            target: TARGET,
            destination,
            %address,
            %cause,
            "app not reachable; is it running, and is the address right?"
        ),
    }
}
