//! Where an endpoint's deliveries go on to: straight to one destination, or, where it is `durable`, into the inbox and to any
//! number of them.

use http::HeaderName;

use super::{
    destination,
    document::{Table, Value},
    event,
    inbox::Inbox,
};
use crate::{
    config::{
        finding::Finding,
        plan::{DestinationPlan, OnwardPlan, QueuePlan},
        value,
    },
    inbox::{Queue, Schedule},
};

const HEADER: &str = "[[endpoint.destination]]";

/// The way on from an endpoint. Its destinations are called as it is unless they have names of their own.
pub(super) fn read(
    endpoint: &mut Table<'_, '_>,
    inbox: &Inbox<'_, '_>,
    name: Option<&str>,
    signature: &HeaderName,
) -> Option<OnwardPlan> {
    let durable = durable(endpoint, inbox);
    let unique = endpoint.take("unique");
    let what = "a table [[endpoint.destination]] with the `url` of the app";
    let tables = endpoint.demand("destination", what)?;
    let tables = tables
        .not_empty("expected at least one destination")?
        .tables(HEADER);
    if durable == Some(false) {
        report_durable_only("unique", unique, endpoint);
        let plans = tables
            .into_iter()
            .map(|table| direct(table, name, signature));
        return one(plans.collect(), endpoint).map(|plan| OnwardPlan::Direct(Box::new(plan)));
    }
    let unique = unique.map(|unique| unique.text(event::pointer));
    let queues: Vec<_> = tables
        .into_iter()
        .map(|table| queue(table, name, signature))
        .collect();
    durable?;
    Some(OnwardPlan::Durable {
        unique: unique.map_or(Some(None), |unique| unique.map(|at| Some(at.value)))?,
        queues: queues.into_iter().collect::<Option<_>>()?,
    })
}

/// Whether the endpoint is durable; none if it says so in no way that can be understood.
fn durable(endpoint: &mut Table<'_, '_>, inbox: &Inbox<'_, '_>) -> Option<bool> {
    let durable = endpoint.take("durable").map_or(Some(false), Value::flag);
    if durable != Some(false) {
        inbox.ask();
    }
    durable
}

/// The one destination; all were read, for their mistakes.
fn one(plans: Vec<Option<DestinationPlan>>, endpoint: &Table<'_, '_>) -> Option<DestinationPlan> {
    if plans.len() > 1 {
        endpoint.report("an endpoint has exactly one destination, unless it is `durable`");
        return None;
    }
    plans.into_iter().next()?
}

fn direct(
    mut table: Table<'_, '_>,
    endpoint: Option<&str>,
    signature: &HeaderName,
) -> Option<DestinationPlan> {
    for key in ["events", "retry", "concurrency"] {
        let value = table.take(key);
        report_durable_only(key, value, &table);
    }
    let plan = destination::read(&mut table, endpoint, signature);
    table.close();
    plan
}

fn queue(
    mut table: Table<'_, '_>,
    endpoint: Option<&str>,
    signature: &HeaderName,
) -> Option<QueuePlan> {
    let kinds = event::kinds(&mut table, "events");
    let waits = table.texts("retry", value::clock);
    let concurrency = table.number("concurrency", value::concurrency);
    let destination = destination::read(&mut table, endpoint, signature);
    table.close();
    Some(QueuePlan {
        destination: destination?,
        kinds: kinds.unwrap_or_default(),
        schedule: waits.map_or_else(Schedule::default, Schedule::new),
        concurrency: concurrency.unwrap_or(Queue::CONCURRENCY),
    })
}

/// Whoever writes it takes the endpoint for durable: it must not be read past.
fn report_durable_only(key: &str, value: Option<Value<'_, '_>>, table: &Table<'_, '_>) {
    if let Some(value) = value {
        let message = format!("`{key}` goes with `durable = true` of the endpoint");
        table.add(Finding::new(value.place(), message));
    }
}
