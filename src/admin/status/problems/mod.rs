//! The open problems of a gate, for its screen, the exit status of `cartgate status` and `--json`.

use super::{
    report::{Endpoint, FailedOrder, Inbox, Report, Room, Waiting},
    span::Span,
};

const HOUR: u64 = 60 * 60;

const DAY: u64 = 24 * HOUR;

/// The remaining time at which a certificate is a problem, if it is also less than a quarter of its
/// lifetime. ACME clients renew when a third is left.
const CERTIFICATE: u64 = 14 * DAY;

/// The number of mismatches in a row that is a problem. A single wrong sender causes fewer.
const MISMATCHES: u64 = 20;

/// The age in seconds at which a waiting event is a problem. A restart of the app takes less time.
const WAITING: u64 = 60;

/// The percentage of an inbox limit whose use is a problem.
const NEARLY_FULL: u64 = 80;

/// The largest number of missing pointers that one line names.
const NAMED_POINTERS: usize = 3;

/// Returns a line for each open problem.
pub(crate) fn problems(report: &Report) -> Vec<String> {
    let mut problems = Vec::new();
    // A failed inbox has its own line.
    let inbox_failed = report
        .inbox
        .as_ref()
        .is_some_and(|inbox| inbox.trouble.is_some());
    if report.no_certificate {
        problems
            .push("no certificate was issued yet, so the gate rejects TLS handshakes".to_owned());
    }
    if !report.ready && !inbox_failed {
        problems.push("the gate drains and is not ready".to_owned());
    }
    if let Some(failed) = report.configuration.failed {
        let (failed, since) = (ago(report, failed), ago(report, report.configuration.since));
        problems.push(format!(
            "the reload {failed} ago failed; the configuration from {since} ago stays in force"
        ));
    }
    problems.extend(certificates(report));
    problems.extend(
        report
            .certificate_order
            .as_ref()
            .map(|order| failed_order(report, order)),
    );
    if let Some(inbox) = &report.inbox {
        problems.extend(inbox_problems(report, inbox));
    }
    for endpoint in &report.endpoints {
        problems.extend(not_taken(report, endpoint));
        problems.extend(no_match(report, endpoint));
        problems.extend(late(endpoint));
        problems.extend(unidentified(report, endpoint));
        problems.extend(changed_payload(report, endpoint));
    }
    problems
}

fn inbox_problems(report: &Report, inbox: &Inbox) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(trouble) = &inbox.trouble {
        problems.push(format!("inbox: {trouble}"));
    }
    for (resource, room) in [("events", inbox.events), ("bytes", inbox.bytes)] {
        if is_nearly_full(room) {
            let percent = percent(room);
            problems.push(format!(
                "inbox: {percent} % of the limit of {resource} are used"
            ));
        }
    }
    for waiting in &inbox.waiting {
        problems.extend(queue_problems(report, waiting));
    }
    problems
}

fn queue_problems(report: &Report, waiting: &Waiting) -> Vec<String> {
    let name = match &*waiting.destination {
        "" => "no destination",
        name => name,
    };
    let (quarantined, dead) = (waiting.quarantined, waiting.dead);
    let quarantined = (quarantined > 0).then(|| {
        format!("inbox: {quarantined} deliveries for {name} are in quarantine, because they changed after they were stored; see inbox list --state quarantined")
    });
    let dead = (dead > 0).then(|| {
        format!(
            "inbox: {dead} dead letters for {name}; see inbox list --state dead, then inbox retry"
        )
    });
    let pending = if waiting.configured {
        overdue(report, waiting, name)
    } else {
        stranded(waiting, name)
    };
    [quarantined, dead, pending].into_iter().flatten().collect()
}

/// Describes deliveries that wait for a destination without configuration.
fn stranded(waiting: &Waiting, name: &str) -> Option<String> {
    let number = waiting.pending;
    (number > 0).then(|| {
        format!("inbox: {number} deliveries wait for {name}, which is not configured; move them with inbox retry --destination {name} --to NAME")
    })
}

/// Describes deliveries that have waited for too long.
fn overdue(report: &Report, waiting: &Waiting, name: &str) -> Option<String> {
    let oldest = ago(report, waiting.oldest?);
    (oldest.0 >= WAITING).then(|| {
        let number = waiting.pending;
        let down = waiting.down_since.map(|since| ago(report, since));
        let down = down.map_or_else(String::new, |down| format!("; it has been down for {down}"));
        format!("inbox: {number} deliveries wait for {name}, the oldest for {oldest}{down}; see inbox list")
    })
}

fn is_nearly_full(room: Room) -> bool {
    percent(room) >= NEARLY_FULL
}

fn percent(room: Room) -> u64 {
    let percent = u128::from(room.taken) * 100;
    let percent = percent.checked_div(u128::from(room.limit));
    percent.map_or(0, |percent| u64::try_from(percent).unwrap_or(u64::MAX))
}

fn certificates(report: &Report) -> impl Iterator<Item = String> {
    let ending = report.certificates.iter().filter(|one| {
        let lifetime = one.ends.saturating_sub(one.begins);
        one.ends < report.now + CERTIFICATE.min(lifetime / 4)
    });
    ending.map(|one| {
        let name = &one.certificate;
        match one.ends.checked_sub(report.now) {
            Some(left) => format!("the certificate {name} expires in {}", Span(left)),
            None => format!(
                "the certificate {name} expired {} ago",
                ago(report, one.ends)
            ),
        }
    })
}

fn failed_order(report: &Report, order: &FailedOrder) -> String {
    let FailedOrder {
        failures, reason, ..
    } = order;
    let next = match order.next.checked_sub(report.now) {
        Some(left) => format!("in {}", Span(left)),
        None => "now".to_owned(),
    };
    let times = match failures {
        1 => String::new(),
        more => format!(" {more} times"),
    };
    format!(
        "the order for a certificate failed{times}: {reason}; the next attempt is {next}, or after cartgate reload"
    )
}

fn not_taken(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let last = endpoint.last_not_taken.as_ref()?;
    let ago = ago(report, last.at);
    (ago.0 < HOUR).then(|| {
        let name = &endpoint.endpoint;
        let reason = &last.reason;
        format!(
            "{name}: a verified delivery was not taken {ago} ago ({reason}); see the ERROR lines of the log"
        )
    })
}

fn no_match(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let since = ago(report, endpoint.mismatches_since?);
    (endpoint.mismatches >= MISMATCHES && since.0 >= HOUR).then(|| {
        let (name, number) = (&endpoint.endpoint, endpoint.mismatches);
        format!(
            "{name}: no signature has matched for {since}, and {number} did not; \
             perhaps Cartfunnel has a new secret"
        )
    })
}

fn late(endpoint: &Endpoint) -> Option<String> {
    let late = endpoint.late.as_ref().filter(|late| late.waiting > 0)?;
    let (name, words, trouble) = (&endpoint.endpoint, late.words(), late.trouble.as_ref()?);
    Some(format!("{name}: {words}: {trouble}"))
}

fn unidentified(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let last = endpoint.last_unidentified.as_ref()?;
    let ago = ago(report, last.at);
    (ago.0 < DAY).then(|| {
        let (name, number) = (&endpoint.endpoint, endpoint.unidentified);
        let reason = match &*last.reason {
            "placeholder" => "a placeholder",
            _ => "the same in different bodies",
        };
        format!(
            "{name}: the value at `unique` was {reason} {ago} ago ({number} in all); \
             such events are stored but not compared, so correct the payload or the pointer"
        )
    })
}

/// Describes pointers that always occurred in the payloads, and are missing.
fn changed_payload(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let missing = &endpoint.missing_pointers;
    let first = missing.first()?;
    let since = ago(report, first.since);
    let pointers = missing.iter().take(NAMED_POINTERS);
    let pointers: Vec<_> = pointers.map(|one| name_of_pointer(&one.pointer)).collect();
    let more = missing.len() - pointers.len();
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (name, pointers) = (&endpoint.endpoint, pointers.join(", "));
    Some(format!(
        "{name}: the payloads changed {since} ago and lack {pointers}{more}, which always occurred; \
         see inbox profile, and accept the new shape if it is right"
    ))
}

fn name_of_pointer(pointer: &str) -> &str {
    match pointer {
        "" => "JSON",
        pointer => pointer,
    }
}

fn ago(report: &Report, then: u64) -> Span {
    Span::since(then, report.now)
}

#[cfg(test)]
mod tests;
