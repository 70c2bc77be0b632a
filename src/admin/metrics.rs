//! The metrics as OpenMetrics text. `docs/metrics.md` describes them, and a test compares the two.

use std::{fmt, iter::once, sync::Arc};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, registry::Registry};

use super::{alarm_metrics, inbox_metrics, process};
use crate::{
    admin::openmetrics::{Label, Page, one},
    destination::meter::{DestinationMeter, TAKEN},
    endpoint::Target,
    proxy::{
        meters::{
            endpoint::{Meter, each_destination},
            secret::SecretMeter,
        },
        shared::Shared,
        snapshot::Snapshot,
    },
    rejected::{Counters, Writer},
    telemetry::count::millis,
};

/// The content type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Returns all metrics of a gate.
pub(super) fn text(gate: &Arc<Shared>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Exposition {
        config: gate.config(),
        gate: Arc::clone(gate),
    }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Exposition {
    gate: Arc<Shared>,
    config: Arc<Snapshot>,
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page::new(encoder);
        self.requests(&mut page)?;
        self.payloads(&mut page)?;
        self.saved_rejections(&mut page)?;
        self.secrets(&mut page)?;
        self.destinations(&mut page)?;
        inbox_metrics::write(&mut page, self.gate.inbox.as_deref(), &self.config)?;
        self.limits(&mut page)?;
        self.admission(&mut page)?;
        self.configuration(&mut page)?;
        alarm_metrics::write(&mut page, &self.gate.metrics.alarms)?;
        self.process(&mut page)
    }
}

impl Exposition {
    fn requests(&self, page: &mut Page<'_>) -> fmt::Result {
        let astray = self.gate.metrics.unmatched.counts().map(|(reason, count)| {
            let labels = [
                ("endpoint", ""),
                ("verdict", "rejected"),
                ("reason", reason),
            ];
            (labels, count)
        });
        page.counters(
            "cartgate_requests",
            "Requests by verdict",
            astray.chain(self.meters().flat_map(verdicts)),
        )?;
        page.counters(
            "cartgate_not_taken",
            "Verified deliveries that the destination did not accept",
            self.meters().flat_map(not_taken),
        )?;
        page.times(
            "cartgate_last_verified_timestamp_seconds",
            "Time of the last verified delivery",
            self.meters().filter_map(|meter| {
                Some(([("endpoint", name(meter))], meter.requests.verified.last()?))
            }),
        )?;
        page.histograms(
            "cartgate_body_bytes",
            "Sizes of the bodies read",
            self.meters()
                .map(|meter| ([("endpoint", name(meter))], &meter.requests.bodies)),
        )?;
        page.histograms(
            "cartgate_request_duration_seconds",
            "From the end of a request's head to its response",
            self.meters()
                .map(|meter| ([("endpoint", name(meter))], &meter.requests.durations)),
        )
    }

    fn payloads(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauges(
            "cartgate_payload_pointers_missing",
            "Pointers that always occurred in the payloads, and are missing",
            self.meters().map(|meter| {
                let missing = self.gate.profiler.changes(name(meter)).len();
                ([("endpoint", name(meter))], missing as f64)
            }),
        )
    }

    fn saved_rejections(&self, page: &mut Page<'_>) -> fmt::Result {
        let counters = self.gate.rejected.as_ref().map(Writer::counters);
        let number = |count: fn(&Counters) -> u64| counters.map_or(0, |own| count(own));
        page.counters(
            "cartgate_saved_rejections",
            "Deliveries rejected for their signature, by whether they were saved",
            [
                ([("result", "saved")], number(Counters::saved)),
                ([("result", "dropped")], number(Counters::dropped)),
            ],
        )?;
        let standings = self.gate.late.standings();
        page.gauges(
            "cartgate_late_deliveries",
            "Saved rejections that verified later, by what became of them",
            self.meters().flat_map(|meter| {
                let standing = standings.get(name(meter)).cloned().unwrap_or_default();
                standing.by_state().map(|(state, number)| {
                    let labels = [("endpoint", name(meter)), ("state", state)];
                    (labels, number as f64)
                })
            }),
        )
    }

    fn secrets(&self, page: &mut Page<'_>) -> fmt::Result {
        page.counters(
            "cartgate_matched",
            "Deliveries that a secret verified",
            self.each_secret()
                .map(|(labels, _, meter)| (labels, meter.matched.number())),
        )?;
        page.times(
            "cartgate_secret_last_matched_timestamp_seconds",
            "Time of a secret's last match",
            self.each_secret()
                .filter_map(|(labels, _, meter)| Some((labels, meter.matched.last()?))),
        )?;
        page.times(
            "cartgate_secret_counted_since_timestamp_seconds",
            "Start of the count of a secret's matches",
            self.each_secret()
                .map(|(labels, _, meter)| (labels, meter.since)),
        )?;
        page.gauges(
            "cartgate_secret_rank",
            "0 for the newest secret, which the endpoint names first; 1 and more for older ones",
            self.each_secret()
                .map(|(labels, rank, _)| (labels, rank as f64)),
        )
    }

    fn destinations(&self, page: &mut Page<'_>) -> fmt::Result {
        page.counters(
            "cartgate_destination_attempts",
            "Delivery attempts by class of status, or by the reason for no response",
            self.each_destination().flat_map(attempts),
        )?;
        page.histograms(
            "cartgate_destination_duration_seconds",
            "From the beginning of an attempt to its response or failure",
            self.each_destination().map(|own| {
                let labels = [("destination", &*own.name)];
                (labels, &own.durations)
            }),
        )
    }

    fn limits(&self, page: &mut Page<'_>) -> fmt::Result {
        let (memory, connections) = (&self.gate.memory, &self.gate.connections);
        for (name, help, value) in [
            (
                "cartgate_memory_held_bytes",
                "Memory that large bodies hold",
                memory.held(),
            ),
            (
                "cartgate_memory_limit_bytes",
                "Limit of that memory",
                memory.limit(),
            ),
            (
                "cartgate_connections",
                "Open connections",
                connections.len() as u64,
            ),
            (
                "cartgate_connections_limit",
                "Limit of open connections",
                connections.limit() as u64,
            ),
        ] {
            page.gauges(name, help, one(value as f64))?;
        }
        Ok(())
    }

    fn admission(&self, page: &mut Page<'_>) -> fmt::Result {
        let connections = &self.gate.connections;
        for (name, help, value) in [
            (
                "cartgate_connections_accepted",
                "Accepted connections",
                connections.admitted(),
            ),
            (
                "cartgate_connections_refused",
                "Connections rejected because the gate was full",
                connections.turned_away(),
            ),
            (
                "cartgate_evicted",
                "Connections evicted to make room for others",
                connections.evicted(),
            ),
        ] {
            page.counters(name, help, one(value))?;
        }
        Ok(())
    }

    fn configuration(&self, page: &mut Page<'_>) -> fmt::Result {
        let metrics = &self.gate.metrics;
        let (succeeded, failed) = (&metrics.reloads, &metrics.failed_reloads);
        page.counters(
            "cartgate_reloads",
            "Reloads by result",
            [
                ([("result", "success")], succeeded.number()),
                ([("result", "failure")], failed.number()),
            ],
        )?;
        page.gauges(
            "cartgate_last_reload_success",
            "1 if the last reload succeeded or there was none",
            one(flag(!metrics.last_reload_failed())),
        )?;
        page.times(
            "cartgate_last_reload_timestamp_seconds",
            "Time of the last reload",
            succeeded.last().max(failed.last()).map(|last| ([], last)),
        )?;
        page.times(
            "cartgate_config_in_force_timestamp_seconds",
            "Time since which the configuration is in force",
            one(metrics.in_force_since()),
        )?;
        self.certificates(page)
    }

    fn certificates(&self, page: &mut Page<'_>) -> fmt::Result {
        let certificates = self.gate.certificates();
        page.times(
            "cartgate_certificate_start_timestamp_seconds",
            "Start of the validity of a certificate of the gate",
            certificates.iter().map(|(label, validity)| {
                ([("certificate", label.as_str())], millis(validity.start))
            }),
        )?;
        page.times(
            "cartgate_certificate_expiry_timestamp_seconds",
            "Expiry of a certificate of the gate",
            certificates
                .iter()
                .map(|(label, validity)| ([("certificate", label.as_str())], millis(validity.end))),
        )?;
        let acme = &self.gate.acme;
        page.counters(
            "cartgate_certificate_orders",
            "Orders for a certificate of an ACME server by result",
            [
                ([("result", "success")], acme.issued.number()),
                ([("result", "failure")], acme.failed.number()),
            ],
        )?;
        page.gauges(
            "cartgate_last_certificate_order_success",
            "1 if the last order for a certificate succeeded or there was none",
            one(flag(acme.trouble().is_none())),
        )
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.gauges(
            "cartgate_build_info",
            "Always 1, with the version",
            once((version, 1.0)),
        )?;
        page.gauges(
            "cartgate_ready",
            "1 while the gate accepts requests, 0 while it drains or its inbox cannot store",
            one(flag(self.gate.is_ready())),
        )?;
        page.counters(
            "cartgate_log_lines_dropped",
            "Log lines dropped because the queue of the log was full",
            one(self.gate.metrics.dropped_lines()),
        )?;
        page.times(
            "process_start_time_seconds",
            "Start of the process",
            one(self.gate.metrics.started),
        )?;
        page.counters(
            "process_cpu_seconds",
            "CPU time used",
            one(process::cpu_seconds()),
        )?;
        page.gauges(
            "process_resident_memory_bytes",
            "Resident memory",
            process::resident_bytes().map(|bytes| ([], bytes as f64)),
        )
    }

    fn meters(&self) -> impl Iterator<Item = &Meter> {
        self.config.meters().iter()
    }

    /// Returns the labels, the rank and the meter of each secret of each endpoint.
    fn each_secret(&self) -> impl Iterator<Item = ([Label<'_>; 2], usize, &SecretMeter)> {
        self.meters().flat_map(|meter| {
            let secrets = meter.endpoint.secrets.iter().zip(&meter.secrets);
            secrets.enumerate().map(|(rank, ((secret, _), own))| {
                let labels = [("endpoint", name(meter)), ("secret", secret.as_ref())];
                (labels, rank, own.as_ref())
            })
        })
    }

    /// Returns the meter of each destination once, even if several endpoints have it.
    fn each_destination(&self) -> impl Iterator<Item = &DestinationMeter> {
        each_destination(self.config.meters())
    }
}

fn name(meter: &Meter) -> &str {
    &meter.endpoint.name
}

/// Returns the destination of a direct endpoint, or an empty name for another one.
fn destination(meter: &Meter) -> &str {
    match &meter.endpoint.target {
        Target::Direct(destination) => &destination.name,
        Target::Durable(_) | Target::Verdict => "",
    }
}

fn verdicts(meter: &Meter) -> impl Iterator<Item = ([Label<'_>; 3], u64)> {
    let labels = |verdict, reason| {
        [
            ("endpoint", name(meter)),
            ("verdict", verdict),
            ("reason", reason),
        ]
    };
    let requests = &meter.requests;
    let rejected = requests.rejected.counts();
    let rejected = rejected.map(move |(reason, count)| (labels("rejected", reason), count));
    once((labels("verified", ""), requests.verified.number())).chain(rejected)
}

fn not_taken(meter: &Meter) -> impl Iterator<Item = ([Label<'_>; 3], u64)> {
    meter.not_taken.counts().map(|(reason, count)| {
        let of = [
            ("endpoint", name(meter)),
            ("destination", destination(meter)),
        ];
        ([of[0], of[1], ("reason", reason)], count)
    })
}

fn attempts(own: &DestinationMeter) -> impl Iterator<Item = ([Label<'_>; 2], u64)> {
    let all = once((TAKEN, own.taken.number())).chain(own.failed.counts());
    all.map(|(result, count)| ([("destination", &*own.name), ("result", result)], count))
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}
