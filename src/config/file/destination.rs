//! `[[endpoint.destination]]`: where verified deliveries go. How they wait for it is `onward`'s.

use http::HeaderName;

use super::{document::Table, headers, secret};
use crate::{
    config::{finding::Place, plan::DestinationPlan, value},
    destination::{HostRule, Settings},
    net::{address::Address, connect::Trust},
    secret::source,
};

/// A destination, called as the endpoint is unless it has a name of its own.
pub(super) fn read(
    table: &mut Table<'_, '_>,
    endpoint: Option<&str>,
    signature: &HeaderName,
) -> Option<DestinationPlan> {
    let at = table.place();
    let name = table.text("name", value::name);
    let url = table.demand("url", "such as \"http://127.0.0.1:3000/hooks\"");
    let address = url.and_then(|url| url.text(str::parse::<Address>));
    let settings = settings(table);
    let headers = headers::secrets(table, signature);
    let standard_webhooks = signing_secrets(table);
    Some(DestinationPlan {
        at,
        name: name.or_else(|| endpoint.map(str::to_owned))?,
        address: address?.value,
        settings,
        headers,
        standard_webhooks,
    })
}

fn settings(table: &mut Table<'_, '_>) -> Settings {
    let default = Settings::default();
    let ca_file = table.text("ca_file", value::path);
    Settings {
        trust: ca_file.map_or(Trust::Platform, Trust::CaFile),
        host: host(table),
        connect: table
            .text("connect_timeout", value::clock)
            .unwrap_or(default.connect),
        answer: table
            .text("timeout", value::clock)
            .unwrap_or(default.answer),
        pause: table.text("pause", value::clock).unwrap_or(default.pause),
        idle: table.text("idle", value::pause).unwrap_or(default.idle),
        age: table.text("max_age", value::clock).unwrap_or(default.age),
        ..default
    }
}

fn host(table: &mut Table<'_, '_>) -> HostRule {
    let fixed = table.text("host", HostRule::fixed);
    let preserve = table.flag("preserve_host").unwrap_or_default();
    match fixed {
        Some(_) if preserve => {
            table.report("`host` and `preserve_host` exclude each other");
            HostRule::Own
        }
        Some(fixed) => fixed,
        None if preserve => HostRule::Preserve,
        None => HostRule::Own,
    }
}

/// More would only cost a hash of each body.
const MOST_SIGNATURES: usize = 4;

/// `standard_webhooks`: the place of the secret, or several while an app moves from one to the next.
fn signing_secrets(table: &mut Table<'_, '_>) -> Vec<(Place, source::Place)> {
    let Some(value) = table.take("standard_webhooks") else {
        return Vec::new();
    };
    let items = value.items();
    if items.len() > MOST_SIGNATURES {
        table.report(format_args!(
            "at most {MOST_SIGNATURES} secrets sign one delivery"
        ));
    }
    let sources = items.into_iter().filter_map(|item| {
        let place = item.place();
        let source = item.table().and_then(secret::source);
        source.map(|source| (place, source))
    });
    sources.collect()
}
