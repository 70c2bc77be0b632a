//! Makes the report of a gate for `cartgate status`.

use std::collections::HashSet;

use tower_cartgate::SecretName;

use super::{
    inbox_metrics,
    status::{
        Alarm, Certificate, Configuration, Destination, Endpoint, Event, FailedOrder, Inbox, Late,
        MissingPointer, Report, Room, SandboxState, Secret, Waiting, evaluate, problems,
    },
};
use crate::{
    acme::OrderTrouble,
    alarm::{Evaluation, meter::AlarmMeters},
    destination::meter::DestinationMeter,
    endpoint::Target,
    inbox,
    profile::Change,
    proxy::{
        meters::endpoint::{Meter, each_destination},
        shared::Shared,
        snapshot::Snapshot,
    },
    runtime::clock::Millis,
    sandbox,
    telemetry::{
        count::{millis, now},
        tally::Tally,
    },
};

/// Returns the conditions of a gate that need a person.
pub(crate) fn evaluation(gate: &Shared) -> Evaluation {
    evaluate(&of(gate))
}

/// Returns the report of a gate.
pub(super) fn of(gate: &Shared) -> Report {
    let (config, metrics) = (gate.config(), &gate.metrics);
    let failed = metrics.failed_reloads.last();
    let certificates = gate.certificates().into_iter();
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instance: String::new(),
        console: String::new(),
        now: seconds(now()),
        started: seconds(metrics.started),
        ready: gate.is_ready(),
        no_certificate: gate.lacks_certificate(),
        problems: Vec::new(),
        astray: metrics.unmatched.sum(),
        last_astray: last(&metrics.unmatched),
        endpoints: config
            .meters()
            .iter()
            .map(|meter| endpoint(meter, gate))
            .collect(),
        destinations: destinations(config.meters(), &inbox_metrics::names(&config)),
        inbox: gate.inbox.as_ref().map(|own| inbox(own, &config)),
        certificates: certificates
            .map(|(certificate, validity)| Certificate {
                certificate,
                begins: seconds(millis(validity.start)),
                ends: seconds(millis(validity.end)),
            })
            .collect(),
        certificate_order: gate.acme.trouble().map(failed_order),
        alarms: alarms(&metrics.alarms),
        connections: Room {
            taken: gate.connections.len() as u64,
            limit: gate.connections.limit() as u64,
        },
        connections_refused: gate.connections.turned_away(),
        memory: Room {
            taken: gate.memory.held(),
            limit: gate.memory.limit(),
        },
        configuration: Configuration {
            since: seconds(metrics.in_force_since()),
            failed: failed.filter(|_| metrics.last_reload_failed()).map(seconds),
            trigger: metrics
                .last_reload_trigger()
                .map(|trigger| trigger.as_str().to_owned()),
            watch: config.watch,
        },
        sandbox: sandbox_state(),
        log_lines_dropped: metrics.dropped_lines(),
    };
    report.problems = problems(&report);
    report
}

fn sandbox_state() -> SandboxState {
    let missing = sandbox::current().map(sandbox::Sandbox::missing);
    let state = match missing {
        Some([]) => "enforced",
        Some(_) => "partly",
        None => "off",
    };
    SandboxState {
        state: state.to_owned(),
        missing: missing.unwrap_or_default().to_vec(),
    }
}

fn alarms(meters: &AlarmMeters) -> Vec<Alarm> {
    let meters = meters.all().into_iter().map(|(alarm, own)| Alarm {
        alarm,
        sent: own.sent.number(),
        last_sent: own.sent.last().map(seconds),
        failed: own.failed.number(),
        failing_since: own.failing.since().map(seconds),
        dropped: own.dropped.number(),
    });
    meters.collect()
}

fn failed_order(trouble: OrderTrouble) -> FailedOrder {
    FailedOrder {
        failures: u64::from(trouble.failures),
        reason: trouble.reason,
        next: seconds(millis(trouble.next)),
    }
}

/// Returns the counters of an endpoint.
pub(super) fn endpoint(meter: &Meter, gate: &Shared) -> Endpoint {
    let requests = &meter.requests;
    let late = gate.late.standings().remove(&meter.endpoint.name);
    let rhythm = gate.profiler.rhythm(&meter.endpoint.name);
    let last_verified = requests.verified.last().map(seconds);
    let waiting = |secret: &SecretName| late.as_ref().map_or(0, |late| late.waiting_for(secret));
    let secrets = meter.endpoint.secrets.iter().zip(&meter.secrets);
    let secrets = secrets.map(|((name, _), own)| Secret {
        secret: name.to_string(),
        matched: own.matched.number(),
        last_matched: own.matched.last().map(seconds),
        counted_since: seconds(own.since),
        late_waiting: waiting(name),
    });
    let secrets = secrets.collect();
    let configured = meter.endpoint.silence.map(|silence| silence.as_secs());
    Endpoint {
        endpoint: meter.endpoint.name.to_string(),
        verdict: matches!(meter.endpoint.target, Target::Verdict),
        counted_since: seconds(requests.since),
        verified: requests.verified.number(),
        last_verified,
        last_delivery: rhythm.last.map(whole_seconds).max(last_verified),
        silence_limit: configured.or(rhythm.silence.map(whole_seconds)),
        rejected: requests.rejected.sum(),
        last_rejected: last(&requests.rejected),
        mismatches: requests.mismatches.number(),
        mismatches_since: requests.mismatches.since().map(seconds),
        not_taken: meter.not_taken.sum(),
        last_not_taken: last(&meter.not_taken),
        late: late.map(|late| Late {
            rejected: late.all(),
            delivered: late.delivered,
            waiting: late.waiting,
            refused: late.refused,
            copies: late.copies,
            trouble: late.trouble,
        }),
        unidentified: meter.inbox.unidentified.sum(),
        last_unidentified: last(&meter.inbox.unidentified),
        secrets,
        missing_pointers: missing_pointers(gate.profiler.changes(&meter.endpoint.name)),
    }
}

fn missing_pointers(changes: Vec<Change>) -> Vec<MissingPointer> {
    let changes = changes.into_iter().map(|change| MissingPointer {
        kind: change.kind.to_string(),
        pointer: change.pointer,
        since: whole_seconds(change.since),
        bodies: change.bodies,
        absent: change.absent,
    });
    changes.collect()
}

/// Returns each destination once, even if several endpoints have it.
fn destinations(meters: &[Meter], durable: &HashSet<&str>) -> Vec<Destination> {
    each_destination(meters)
        .map(|own| destination(own, durable.contains(&*own.name)))
        .collect()
}

/// Returns the counters of a destination.
pub(super) fn destination(own: &DestinationMeter, durable: bool) -> Destination {
    Destination {
        destination: own.name.to_string(),
        durable,
        taken: own.taken.number(),
        last_taken: own.taken.last().map(seconds),
        failed: own.failed.sum(),
        last_failed: last(&own.failed),
    }
}

fn inbox(inbox: &inbox::Inbox, config: &Snapshot) -> Inbox {
    let (reading, limits) = (inbox.meter.reading(), inbox.settings.limits);
    let trouble = inbox.outage().or_else(|| reading.outage.clone());
    let stats = reading.stats.clone().unwrap_or_default();
    let names = inbox_metrics::names(config);
    let waiting = stats.queues.into_iter().map(|queue| {
        let meter = each_destination(config.meters()).find(|own| *own.name == *queue.queue);
        Waiting {
            configured: names.contains(&*queue.queue),
            down_since: meter.and_then(DestinationMeter::down_since).map(seconds),
            up_since: meter.and_then(DestinationMeter::up_since).map(seconds),
            destination: queue.queue,
            pending: queue.pending,
            oldest: queue.oldest.map(whole_seconds),
            dead: queue.dead,
            quarantined: queue.quarantined,
        }
    });
    Inbox {
        trouble: trouble.map(|trouble| trouble.to_string()),
        events: Room {
            taken: stats.events,
            limit: limits.events,
        },
        bytes: Room {
            taken: stats.bytes,
            limit: limits.bytes,
        },
        waiting: waiting.collect(),
    }
}

fn whole_seconds(time: Millis) -> u64 {
    seconds(u64::try_from(time).unwrap_or_default())
}

fn last(tally: &Tally) -> Option<Event> {
    tally.last().map(|(at, reason)| Event {
        at: seconds(at),
        reason: reason.to_owned(),
    })
}

/// Returns a time in seconds, as reports contain it.
pub(super) fn seconds(millis: u64) -> u64 {
    millis / 1000
}
