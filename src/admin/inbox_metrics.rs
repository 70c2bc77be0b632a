//! The metrics of the inbox. The queues are as they were at the last look (`inbox::meter`). Without
//! an inbox, or if the store did not respond to the look, the families have no samples.

use std::{collections::HashSet, fmt, iter::once};

use crate::{
    admin::openmetrics::{Label, Page, one},
    endpoint::Target,
    inbox::{
        Inbox,
        store::{QueueStats, Stats},
    },
    proxy::{meters::endpoint::Meter, snapshot::Snapshot},
    runtime::clock::Millis,
};

/// Writes the metrics of the inbox.
pub(super) fn write(page: &mut Page<'_>, inbox: Option<&Inbox>, config: &Snapshot) -> fmt::Result {
    arrivals(page, config)?;
    let reading = inbox.map(|inbox| inbox.meter.reading());
    let stats = reading.as_ref().and_then(|reading| reading.stats.as_ref());
    waiting(page, stats, &names(config))?;
    limits(page, inbox, stats)?;
    commits(page, inbox)?;
    let acknowledges = |inbox: &Inbox| f64::from(u8::from(inbox.outage().is_none()));
    page.gauges(
        "cartgate_inbox_acknowledging",
        "1 while events can be stored; 0 while the store is unreachable or has failed",
        inbox.map(|inbox| ([], acknowledges(inbox))),
    )
}

fn arrivals(page: &mut Page<'_>, config: &Snapshot) -> fmt::Result {
    page.counters(
        "cartgate_inbox_arrivals",
        "Verified deliveries of durable endpoints by result",
        durable(config).flat_map(results),
    )?;
    page.counters(
        "cartgate_inbox_copies",
        "Stored events whose body had arrived before",
        durable(config).map(|meter| ([endpoint(meter)], meter.inbox.copies.number())),
    )?;
    page.counters(
        "cartgate_inbox_unidentified",
        "Stored events whose value at unique identifies nothing",
        durable(config).flat_map(unidentified),
    )
}

fn results(meter: &Meter) -> impl Iterator<Item = ([Label<'_>; 2], u64)> {
    let stored = [
        ("stored", meter.inbox.stored.number()),
        ("duplicate", meter.inbox.duplicates.number()),
    ];
    let all = stored.into_iter().chain(meter.not_taken.counts());
    all.map(|(result, count)| ([endpoint(meter), ("result", result)], count))
}

fn unidentified(meter: &Meter) -> impl Iterator<Item = ([Label<'_>; 2], u64)> {
    let counts = meter.inbox.unidentified.counts();
    counts.map(|(reason, count)| ([endpoint(meter), ("reason", reason)], count))
}

fn waiting(page: &mut Page<'_>, stats: Option<&Stats>, configured: &HashSet<&str>) -> fmt::Result {
    let queues = stats.map_or(&[][..], |stats| &stats.queues);
    let known = |queue: &&QueueStats| configured.contains(&*queue.queue);
    let count = |queue, count: fn(&QueueStats) -> u64| ([named(queue)], count(queue) as f64);
    let empty = configured
        .iter()
        .filter(|name| stats.is_some() && !queues.iter().any(|queue| queue.queue == **name));
    page.gauges(
        "cartgate_inbox_pending",
        "Deliveries that wait for a destination or are in an attempt",
        queues
            .iter()
            .filter(known)
            .map(|queue| count(queue, |queue| queue.pending))
            .chain(empty.map(|name| ([("destination", *name)], 0.0))),
    )?;
    page.gauges(
        "cartgate_inbox_unconfigured",
        "Deliveries that wait for a destination that is no longer configured",
        queues
            .iter()
            .filter(|queue| !known(queue) && queue.pending > 0)
            .map(|queue| count(queue, |queue| queue.pending)),
    )?;
    page.times(
        "cartgate_inbox_oldest_timestamp_seconds",
        "Time of arrival of the oldest waiting delivery",
        queues
            .iter()
            .filter_map(|queue| Some(([named(queue)], since_1970(queue.oldest?)))),
    )?;
    page.gauges(
        "cartgate_inbox_dead",
        "Dead letters",
        queues.iter().map(|queue| count(queue, |queue| queue.dead)),
    )?;
    page.gauges(
        "cartgate_inbox_quarantined",
        "Deliveries with a broken seal",
        queues
            .iter()
            .map(|queue| count(queue, |queue| queue.quarantined)),
    )
}

fn limits(page: &mut Page<'_>, inbox: Option<&Inbox>, stats: Option<&Stats>) -> fmt::Result {
    let limits = inbox.map(|inbox| inbox.settings.limits);
    for (name, help, value) in [
        (
            "cartgate_inbox_events",
            "Stored events",
            stats.map(|stats| stats.events),
        ),
        (
            "cartgate_inbox_events_limit",
            "Limit of stored events",
            limits.map(|limits| limits.events),
        ),
        (
            "cartgate_inbox_bytes",
            "Bytes of stored bodies and heads",
            stats.map(|stats| stats.bytes),
        ),
        (
            "cartgate_inbox_bytes_limit",
            "Limit of stored bytes",
            limits.map(|limits| limits.bytes),
        ),
        (
            "cartgate_inbox_wal_bytes",
            "Bytes of the write-ahead log of an SQLite file",
            stats.and_then(|stats| stats.wal),
        ),
    ] {
        let sample = value.map(|value| value as f64);
        page.gauges(name, help, sample.into_iter().flat_map(one))?;
    }
    Ok(())
}

fn commits(page: &mut Page<'_>, inbox: Option<&Inbox>) -> fmt::Result {
    let store = inbox.map(|inbox| &*inbox.meter.store);
    page.histograms(
        "cartgate_inbox_commit_duration_seconds",
        "From the beginning of a commit to the end of its sync",
        store
            .into_iter()
            .flat_map(|store| once(([], &store.commits))),
    )?;
    page.histograms(
        "cartgate_inbox_commit_size",
        "Events and other changes per commit",
        store
            .into_iter()
            .flat_map(|store| once(([], &store.batches))),
    )
}

fn durable(config: &Snapshot) -> impl Iterator<Item = &Meter> {
    let durable = |meter: &&Meter| matches!(meter.endpoint.target, Target::Durable(_));
    config.meters().iter().filter(durable)
}

/// Returns the names of the durable destinations.
pub(super) fn names(config: &Snapshot) -> HashSet<&str> {
    durable(config)
        .flat_map(|meter| meter.endpoint.target.destinations())
        .map(|destination| &*destination.name)
        .collect()
}

fn endpoint(meter: &Meter) -> Label<'_> {
    ("endpoint", &meter.endpoint.name)
}

fn named(queue: &QueueStats) -> Label<'_> {
    ("destination", &queue.queue)
}

fn since_1970(time: Millis) -> u64 {
    u64::try_from(time).unwrap_or_default()
}
