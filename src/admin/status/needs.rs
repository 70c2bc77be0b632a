//! What of a gate needs a person. One place, so that `status`, its exit status and `--json` agree.

use super::{
    report::{Endpoint, Inbox, Report, Room, Waiting},
    span::Span,
};

const HOUR: u64 = 60 * 60;

const DAY: u64 = 24 * HOUR;

/// A certificate that ends sooner was not renewed in time: authorities' clients do so at 30 days.
const CERTIFICATE: u64 = 14 * DAY;

/// So many false signatures without a true one between them are no single stray sender.
const MISMATCHES: u64 = 20;

/// Seconds after which a waiting event needs a person: a restart of the app takes less.
const WAITING: u64 = 60;

/// Percent of an inbox that may be taken.
const NEARLY_FULL: u64 = 80;

/// A line for each thing.
pub(crate) fn needs(report: &Report) -> Vec<String> {
    let mut needs = Vec::new();
    // A failed inbox has a line of its own.
    let inbox_failed = report
        .inbox
        .as_ref()
        .is_some_and(|inbox| inbox.trouble.is_some());
    if !report.ready && !inbox_failed {
        needs.push("it is on its way out and not ready".to_owned());
    }
    if let Some(failed) = report.configuration.failed {
        let (failed, since) = (ago(report, failed), ago(report, report.configuration.since));
        needs.push(format!(
            "the configuration could not be reloaded {failed} ago; the one from {since} ago stays in force"
        ));
    }
    needs.extend(certificates(report));
    if let Some(inbox) = &report.inbox {
        needs.extend(of_inbox(report, inbox));
    }
    for endpoint in &report.endpoints {
        needs.extend(not_taken(report, endpoint));
        needs.extend(all_refused(report, endpoint));
        needs.extend(unidentified(report, endpoint));
    }
    needs
}

fn of_inbox(report: &Report, inbox: &Inbox) -> Vec<String> {
    let mut needs = Vec::new();
    if let Some(trouble) = &inbox.trouble {
        needs.push(format!("inbox: {trouble}"));
    }
    for (what, room) in [("events", inbox.events), ("bytes", inbox.bytes)] {
        if is_nearly_full(room) {
            let percent = percent(room);
            needs.push(format!(
                "inbox: {percent} % of the {what} that it may hold are taken"
            ));
        }
    }
    for waiting in &inbox.waiting {
        needs.extend(of_destination(report, waiting));
    }
    needs
}

fn of_destination(report: &Report, waiting: &Waiting) -> Vec<String> {
    let mut needs = Vec::new();
    let name = match &*waiting.destination {
        "" => "no destination",
        name => name,
    };
    if waiting.quarantined > 0 {
        let number = waiting.quarantined;
        needs.push(format!(
            "inbox: {number} for {name} in quarantine, changed since they were stored; see inbox list --state quarantined"
        ));
    }
    if waiting.dead > 0 {
        let number = waiting.dead;
        needs.push(format!(
            "inbox: {number} dead letters for {name}; see inbox list --state dead, then inbox retry"
        ));
    }
    if waiting.pending > 0 && !waiting.configured {
        let number = waiting.pending;
        needs.push(format!(
            "inbox: {number} wait for {name}, which is not configured; inbox retry --destination {name} --to NAME moves them"
        ));
    } else if let Some(oldest) = waiting.oldest {
        let oldest = ago(report, oldest);
        if oldest.0 >= WAITING {
            let number = waiting.pending;
            let down = waiting.down_since.map(|since| ago(report, since));
            let down = down.map(|down| format!("; it is down for {down}"));
            let down = down.unwrap_or_default();
            needs.push(format!(
                "inbox: {number} wait for {name}, the oldest for {oldest}{down}; see inbox list"
            ));
        }
    }
    needs
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
    let soon = report.now + CERTIFICATE;
    let ending = report
        .certificates
        .iter()
        .filter(move |one| one.ends < soon);
    ending.map(|one| {
        let name = &one.certificate;
        match one.ends.checked_sub(report.now) {
            Some(left) => format!("the certificate {name} ends in {}", Span(left)),
            None => format!("the certificate {name} ended {} ago", ago(report, one.ends)),
        }
    })
}

fn not_taken(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let last = endpoint.last_not_taken.as_ref()?;
    let ago = ago(report, last.at);
    (ago.0 < HOUR).then(|| {
        let name = &endpoint.endpoint;
        let reason = &last.reason;
        format!(
            "{name}: a verified delivery was not taken {ago} ago ({reason}); see the ERROR lines"
        )
    })
}

fn all_refused(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let since = ago(report, endpoint.mismatches_since?);
    (endpoint.mismatches >= MISMATCHES && since.0 >= HOUR).then(|| {
        let (name, number) = (&endpoint.endpoint, endpoint.mismatches);
        format!(
            "{name}: {number} signatures did not match and none did for {since}; \
             perhaps Cartfunnel has a new secret"
        )
    })
}

fn unidentified(report: &Report, endpoint: &Endpoint) -> Option<String> {
    let last = endpoint.last_unidentified.as_ref()?;
    let ago = ago(report, last.at);
    (ago.0 < DAY).then(|| {
        let (name, number) = (&endpoint.endpoint, endpoint.unidentified);
        let why = match &*last.reason {
            "placeholder" => "a placeholder",
            _ => "the same in different bodies",
        };
        format!(
            "{name}: the value at `unique` was {why} {ago} ago ({number} in all); \
             such events are stored and not compared, so correct the payload or the pointer"
        )
    })
}

fn ago(report: &Report, then: u64) -> Span {
    Span::since(then, report.now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::status::{Certificate, Event};

    const NOW: u64 = 1_000_000_000;

    fn well() -> Report {
        Report {
            now: NOW,
            ready: true,
            endpoints: vec![Endpoint::default()],
            ..Report::default()
        }
    }

    /// Asserts that the change needs a person if `wanted`.
    #[track_caller]
    fn needed(wanted: bool, change: impl FnOnce(&mut Report)) {
        let mut report = well();
        change(&mut report);
        assert_eq!(
            needs(&report).len(),
            usize::from(wanted),
            "{:?}",
            needs(&report)
        );
    }

    #[test]
    fn a_gate_that_is_well_needs_nobody() {
        needed(false, |_| {});
        needed(true, |report| report.ready = false);
        needed(true, |report| report.configuration.failed = Some(NOW));
    }

    /// A change of the inbox, which holds ten events for one destination.
    fn inbox(change: impl FnOnce(&mut Inbox)) -> impl FnOnce(&mut Report) {
        let room = |limit| Room { taken: 10, limit };
        let mut inbox = Inbox {
            events: room(1_000),
            bytes: room(1_000),
            waiting: vec![Waiting {
                destination: "shop".to_owned(),
                configured: true,
                pending: 10,
                oldest: Some(NOW - WAITING + 1),
                ..Waiting::default()
            }],
            ..Inbox::default()
        };
        change(&mut inbox);
        |report| report.inbox = Some(inbox)
    }

    #[test]
    fn an_inbox_needs_a_person_where_nothing_moves_by_itself() {
        needed(false, inbox(|_| {}));
        needed(true, inbox(|inbox| inbox.trouble = Some("so".to_owned())));
        needed(true, |report| {
            inbox(|inbox| inbox.trouble = Some("so".to_owned()))(report);
            report.ready = false;
        });
        needed(true, inbox(|inbox| inbox.waiting[0].dead = 1));
        needed(true, inbox(|inbox| inbox.waiting[0].quarantined = 1));
        needed(true, inbox(|inbox| inbox.waiting[0].configured = false));
        needed(
            true,
            inbox(|inbox| inbox.waiting[0].oldest = Some(NOW - WAITING)),
        );
        let gone = |inbox: &mut Inbox| {
            inbox.waiting[0].configured = false;
            inbox.waiting[0].pending = 0;
            inbox.waiting[0].oldest = None;
        };
        needed(false, inbox(gone));
    }

    #[test]
    fn an_inbox_is_nearly_full_at_four_fifths() {
        needed(false, inbox(|inbox| inbox.events.taken = 799));
        needed(true, inbox(|inbox| inbox.events.taken = 800));
        needed(true, inbox(|inbox| inbox.bytes.taken = u64::MAX));
        needed(false, inbox(|inbox| inbox.bytes.limit = 0));
    }

    #[test]
    fn a_certificate_is_renewed_before_its_last_days() {
        let ends = |ends| {
            move |report: &mut Report| {
                report.certificates.push(Certificate {
                    ends,
                    ..Certificate::default()
                });
            }
        };
        needed(false, ends(NOW + CERTIFICATE));
        needed(true, ends(NOW + CERTIFICATE - 1));
        needed(true, ends(NOW - 1));
    }

    #[test]
    fn a_delivery_that_was_not_taken_is_looked_after_within_the_hour() {
        let not_taken = |at| {
            move |report: &mut Report| {
                let reason = "destination-refused".to_owned();
                report.endpoints[0].last_not_taken = Some(Event { at, reason });
            }
        };
        needed(true, not_taken(NOW));
        needed(true, not_taken(NOW - HOUR + 1));
        needed(false, not_taken(NOW - HOUR));
    }

    #[test]
    fn a_unique_value_that_identifies_nothing_needs_a_person_for_a_day() {
        let unidentified = |at| {
            move |report: &mut Report| {
                let reason = "placeholder".to_owned();
                report.endpoints[0].unidentified = 1;
                report.endpoints[0].last_unidentified = Some(Event { at, reason });
            }
        };
        needed(true, unidentified(NOW - DAY + 1));
        needed(false, unidentified(NOW - DAY));
    }

    #[test]
    fn false_signatures_count_only_where_no_true_one_came_for_long() {
        let refused = |mismatches, since| {
            move |report: &mut Report| {
                report.endpoints[0].mismatches = mismatches;
                report.endpoints[0].mismatches_since = Some(since);
            }
        };
        needed(true, refused(MISMATCHES, NOW - HOUR));
        needed(false, refused(MISMATCHES - 1, NOW - HOUR));
        needed(false, refused(MISMATCHES, NOW - HOUR + 1));
    }
}
