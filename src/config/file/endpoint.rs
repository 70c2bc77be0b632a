//! `[[endpoint]]`: what is protected.

use http::Method;
use tower_cartgate::{EventKind, FreshRule, Policy, Signature};

use super::{document::Table, event, headers, inbox::Inbox, onward, secret::Secrets};
use crate::{
    config::{
        EventPlan,
        finding::{Finding, Place},
        plan::{EndpointPlan, FreshPlan},
        value,
    },
    endpoint::Query,
    secret::source::SecretSource,
};

const HEADER: &str = "[[endpoint]]";

pub(super) fn read(
    file: &mut Table<'_, '_>,
    secrets: &mut Secrets,
    inbox: &Inbox<'_, '_>,
) -> Option<Vec<EndpointPlan>> {
    let what = "expected at least one table [[endpoint]]: what is to be protected";
    let tables = file
        .demand("endpoint", what)?
        .not_empty(what)?
        .tables(HEADER);
    let endpoints: Vec<_> = tables
        .into_iter()
        .map(|table| endpoint(table, secrets, inbox))
        .collect();
    // One that has mistakes must hide neither those of the next nor what is wrong between the others; a plan without it is
    // never used, since it left a finding.
    Some(endpoints.into_iter().flatten().collect())
}

fn endpoint(
    mut table: Table<'_, '_>,
    secrets: &Secrets,
    inbox: &Inbox<'_, '_>,
) -> Option<EndpointPlan> {
    let at = table.place();
    let name = table.demand("name", "what logs, metrics and the app call this endpoint");
    let name = name.and_then(|name| name.text(value::name));
    let path = table.demand(
        "path",
        "such as \"/webhooks/orders\", or \"/*\" for every path",
    );
    let path = path.and_then(|path| path.text(str::parse));
    let host = table.text("host", str::parse);
    let methods = table.some_texts("methods", value::method);
    let header = table.text("header", value::signature_header);
    let max_body = table.number("max_body", value::size);
    let event = table.table("event").map(event::read);
    let fresh = table.table("fresh").map(fresh);
    let query = table.text("query", query);
    let signature = header.unwrap_or(Signature::HEADER);
    let headers = headers::changes(&mut table, &signature);
    let secrets = named(&mut table, secrets);
    let own_name = name.as_ref().map(|at| at.value.as_str());
    let onward = onward::read(&mut table, inbox, own_name, &signature);
    table.close();
    Some(EndpointPlan {
        at,
        name: name?.value,
        path: path?.value,
        host,
        methods: methods.unwrap_or_else(|| vec![Method::POST, Method::PUT]),
        header: signature,
        max_body: max_body.map_or(Policy::DEFAULT_MAX_BODY, |size| size.as_u64()),
        event: event.unwrap_or(Some(EventPlan::Given(EventKind::Other)))?,
        fresh: fresh.map_or(Some(None), |fresh| fresh.map(Some))?,
        query: query.unwrap_or_default(),
        headers,
        secrets: secrets?,
        onward: onward?,
    })
}

fn fresh(mut table: Table<'_, '_>) -> Option<FreshPlan> {
    let pointer = table.demand(
        "pointer",
        "where the payload has its time, such as \"/sent_at\"",
    );
    let pointer = pointer.and_then(|value| value.text(event::pointer));
    let within = table.demand("within", "how old a delivery may be, such as \"1h\"");
    let within = within.and_then(|value| value.text(value::clock));
    let skew = table.text("skew", value::pause);
    table.close();
    Some(FreshPlan {
        pointer: pointer?.value,
        within: within?.value,
        skew: skew.unwrap_or(FreshRule::DEFAULT_SKEW),
    })
}

fn query(text: &str) -> Result<Query, &'static str> {
    let all = [Query::Pass, Query::Drop, Query::Refuse];
    all.into_iter()
        .find(|query| query.to_string() == text)
        .ok_or("expected one of \"pass\", \"drop\", \"refuse\"")
}

/// The secrets that the endpoint names, each at the place where it does.
fn named(table: &mut Table<'_, '_>, secrets: &Secrets) -> Option<Vec<(Place, SecretSource)>> {
    let what = "the names of its secrets, the newest first, such as [\"current\", \"previous\"]";
    let value = table.demand("secrets", what)?;
    let value = value.not_empty("expected at least one secret")?;
    let names = value.texts(|text| text.parse().map_err(|_| "expected the name of a [secret]"));
    let mut sources: Vec<(Place, SecretSource)> = Vec::new();
    for name in &names {
        match secrets.find(name) {
            Ok(Some(source)) if sources.iter().any(|(_, one)| *one == source) => {
                table.add(Finding::new(name.place, "this secret is named twice"));
            }
            Ok(Some(source)) => sources.push((name.place, source)),
            Ok(None) => {}
            Err(finding) => table.add(finding),
        }
    }
    (!sources.is_empty()).then_some(sources)
}
