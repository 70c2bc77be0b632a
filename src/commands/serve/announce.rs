//! The log lines of the start: the endpoints with their destinations and secrets, and possible
//! mistakes.

use std::sync::Arc;

use crate::{
    admin::Credentials,
    cli::source::ConfigSource,
    config::Finding,
    endpoint::{Durable, Endpoint, Target},
    inbox::Settings,
    net::{
        destination_address::{Address, Transport},
        listener::Listener,
    },
    proxy::config::{Config, admin::ConsoleMode},
};

/// The target of these lines. It names the gate instead of a source file.
pub(super) const TARGET: &str = "cartgate::serve";

/// Logs the endpoints, the admin listeners, and the secrets that several endpoints share.
pub(super) fn announce(public: &[Listener], admin: &[Listener], config: &Config) {
    announce_endpoints(public, config);
    if let Some(inbox) = &config.inbox {
        announce_inbox(inbox, config);
    }
    for admin in admin {
        tracing::info!(target: TARGET, listen = %admin.address(), "admin listener ready");
    }
    for (secret, endpoints) in config.endpoints.sharing() {
        tracing::info!(
            target: TARGET,
            %secret,
            endpoints = endpoints.join(", "),
            "endpoints with the same secret accept each other's captured deliveries; `only` binds an endpoint to its kind"
        );
    }
}

/// Logs a link that opens the console once. The token, which does more, is never logged.
pub(super) fn announce_console(admin: &[Listener], config: &Config, credentials: &Credentials) {
    if config.admin.console == ConsoleMode::Off {
        return;
    }
    let Some(address) = admin.iter().find_map(Listener::tcp_address) else {
        return;
    };
    match credentials.link(address, &config.admin) {
        Ok(link) => tracing::info!(
            target: TARGET,
            link,
            "console ready; the link works once, within 15 minutes; `cartgate console` prints another"
        ),
        Err(error) => tracing::warn!(target: TARGET, %error, "console without a link"),
    }
}

fn announce_endpoints(public: &[Listener], config: &Config) {
    let addresses: Vec<_> = public.iter().map(|one| one.address().to_string()).collect();
    for endpoint in config.endpoints.iter() {
        tracing::info!(
            target: TARGET,
            version = env!("CARGO_PKG_VERSION"),
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
}

fn announce_inbox(inbox: &Settings, config: &Config) {
    for (endpoint, durable) in config.endpoints.iter().filter_map(durable) {
        let queues = durable.queues.iter().map(|queue| &*queue.destination.name);
        tracing::info!(
            target: TARGET,
            endpoint = &*endpoint.name,
            store = %inbox.store,
            queues = queues.collect::<Vec<_>>().join(", "),
            "inbox enabled"
        );
    }
}

/// Logs possible mistakes of the configuration.
pub(super) fn warn(source: &ConfigSource, warnings: &[Finding]) {
    for warning in warnings {
        tracing::warn!(target: TARGET, "{}", source.line(warning));
    }
}

fn durable(endpoint: &Arc<Endpoint>) -> Option<(&Endpoint, &Durable)> {
    match &endpoint.target {
        Target::Direct(_) | Target::Verdict => None,
        Target::Durable(durable) => Some((endpoint, durable)),
    }
}

/// Returns the paths and their destinations: `/hooks -> http://app/other`, or `/hooks -> verdict`.
fn mapping(endpoint: &Endpoint) -> String {
    let host = endpoint.host.as_ref().map(ToString::to_string);
    let path = format!("{}{}", host.unwrap_or_default(), endpoint.path);
    if matches!(endpoint.target, Target::Verdict) {
        return format!("{path} -> verdict");
    }
    let all = endpoint.target.destinations();
    let all = all.map(|one| route(endpoint, &path, one.address()));
    all.collect::<Vec<_>>().join(", ")
}

fn route(endpoint: &Endpoint, path: &str, address: &Address) -> String {
    let shown = address.to_string();
    match (address.target(), address.transport()) {
        // A query may contain a token.
        (Some(_), _) => match shown.split_once('?') {
            Some((before, _)) => format!("{path} -> {before}?..."),
            None => format!("{path} -> {shown}"),
        },
        // The path of a socket ends at a colon.
        (None, Transport::Unix(_)) => format!("{path} -> {shown}:{}", endpoint.path),
        (None, Transport::Tcp { .. }) => format!("{path} -> {shown}{}", endpoint.path),
    }
}
