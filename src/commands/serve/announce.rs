//! What the start says: what is protected, where it goes, by which secrets, and what looks like a mistake.

use std::sync::Arc;

use crate::{
    cli::source::Source,
    config::Finding,
    endpoint::{Durable, Endpoint, Target},
    net::{
        address::{Address, Endpoint as Peer},
        listener::Listener,
    },
    proxy::config::Config,
};

/// Where these lines come from, for people: the gate, and no file of its code.
pub(super) const TARGET: &str = "cartgate::serve";

/// A line for each endpoint, and what concerns several.
pub(super) fn announce(public: &[Listener], admin: &[Listener], config: &Config) {
    let addresses: Vec<_> = public.iter().map(|one| one.address().to_string()).collect();
    let version = env!("CARGO_PKG_VERSION");
    for endpoint in config.endpoints.iter() {
        tracing::info!(
            target: TARGET,
            version,
            listen = addresses.join(", "),
            tls = config.tls.is_some(),
            endpoint = &*endpoint.name,
            mapping = %mapping(endpoint),
            secrets = endpoint.secret_names(),
            header = %endpoint.policy.header(),
            workers = config.workers,
            "protecting"
        );
    }
    if let Some(inbox) = &config.inbox {
        for (endpoint, durable) in config.endpoints.iter().filter_map(durable) {
            let queues = durable.queues.iter().map(|queue| &*queue.destination.name);
            let queues: Vec<_> = queues.collect();
            tracing::info!(
                target: TARGET,
                endpoint = &*endpoint.name,
                store = %inbox.store,
                queues = queues.join(", "),
                "durable: a delivery is stored before it is answered, and waits for each destination that wants it"
            );
        }
    }
    for admin in admin {
        tracing::info!(target: TARGET, listen = %admin.address(), "admin listener ready");
    }
    for (secret, endpoints) in config.endpoints.sharing() {
        tracing::info!(
            target: TARGET,
            %secret,
            endpoints = endpoints.join(", "),
            "these accept each other's captured deliveries, since they share a secret; `only` binds one to its kind"
        );
    }
}

/// What looks like a mistake.
pub(super) fn warn(source: &Source, warnings: &[Finding]) {
    for warning in warnings {
        tracing::warn!(target: TARGET, "{}", source.line(warning));
    }
}

fn durable(endpoint: &Arc<Endpoint>) -> Option<(&Endpoint, &Durable)> {
    match &endpoint.target {
        Target::Direct(_) => None,
        Target::Durable(durable) => Some((endpoint, durable)),
    }
}

/// `/hooks -> http://app/other`: where which path goes.
fn mapping(endpoint: &Endpoint) -> String {
    let host = endpoint.host.as_ref().map(ToString::to_string);
    let path = format!("{}{}", host.unwrap_or_default(), endpoint.path);
    let all = endpoint.target.destinations();
    let all = all.map(|one| leads_to(endpoint, &path, one.address()));
    all.collect::<Vec<_>>().join(", ")
}

fn leads_to(endpoint: &Endpoint, path: &str, address: &Address) -> String {
    let shown = address.to_string();
    match (address.target(), address.endpoint()) {
        // A query may hold a token.
        (Some(_), _) => match shown.split_once('?') {
            Some((before, _)) => format!("{path} -> {before}?..."),
            None => format!("{path} -> {shown}"),
        },
        // A socket's path ends at a colon.
        (None, Peer::Unix(_)) => format!("{path} -> {shown}:{}", endpoint.path),
        (None, Peer::Tcp { .. }) => format!("{path} -> {shown}{}", endpoint.path),
    }
}
