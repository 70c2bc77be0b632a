//! Reports with and without each problem.

use super::*;
use crate::admin::status::{Certificate, Event, Late, MissingPointer};

const NOW: u64 = 1_000_000_000;

fn well() -> Report {
    Report {
        now: NOW,
        ready: true,
        endpoints: vec![Endpoint::default()],
        ..Report::default()
    }
}

/// Asserts that the change problems a person if `wanted`.
#[track_caller]
fn is_problem(wanted: bool, change: impl FnOnce(&mut Report)) {
    let mut report = well();
    change(&mut report);
    assert_eq!(
        problems(&report).len(),
        usize::from(wanted),
        "{:?}",
        problems(&report)
    );
}

#[test]
fn a_gate_that_is_well_problems_nobody() {
    is_problem(false, |_| {});
    is_problem(true, |report| report.ready = false);
    is_problem(true, |report| report.configuration.failed = Some(NOW));
}

#[test]
fn late_deliveries_problem_a_person_once_one_of_them_has_failed() {
    let late = |waiting, trouble: Option<&str>| {
        let late = Late {
            rejected: 14,
            delivered: 14 - waiting,
            waiting,
            trouble: trouble.map(str::to_owned),
            ..Late::default()
        };
        move |report: &mut Report| report.endpoints[0].late = Some(late)
    };
    is_problem(false, late(0, None));
    is_problem(false, late(3, None));
    is_problem(true, late(3, Some("the app responded with 500")));
    let mut report = well();
    late(3, Some("so"))(&mut report);
    let problem = "11 of 14 deliveries rejected during the rotation were delivered, 3 wait: so";
    assert!(problems(&report)[0].ends_with(problem));
}

/// Returns a change of the inbox, which contains ten events for one destination.
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
fn an_inbox_problems_a_person_where_nothing_moves_by_itself() {
    is_problem(false, inbox(|_| {}));
    is_problem(true, inbox(|inbox| inbox.trouble = Some("so".to_owned())));
    is_problem(true, |report| {
        inbox(|inbox| inbox.trouble = Some("so".to_owned()))(report);
        report.ready = false;
    });
    is_problem(true, inbox(|inbox| inbox.waiting[0].dead = 1));
    is_problem(true, inbox(|inbox| inbox.waiting[0].quarantined = 1));
    is_problem(true, inbox(|inbox| inbox.waiting[0].configured = false));
    is_problem(
        true,
        inbox(|inbox| inbox.waiting[0].oldest = Some(NOW - WAITING)),
    );
    let gone = |inbox: &mut Inbox| {
        inbox.waiting[0].configured = false;
        inbox.waiting[0].pending = 0;
        inbox.waiting[0].oldest = None;
    };
    is_problem(false, inbox(gone));
}

#[test]
fn an_inbox_is_nearly_full_at_four_fifths() {
    is_problem(false, inbox(|inbox| inbox.events.taken = 799));
    is_problem(true, inbox(|inbox| inbox.events.taken = 800));
    is_problem(true, inbox(|inbox| inbox.bytes.taken = u64::MAX));
    is_problem(false, inbox(|inbox| inbox.bytes.limit = 0));
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
    is_problem(false, ends(NOW + CERTIFICATE));
    is_problem(true, ends(NOW + CERTIFICATE - 1));
    is_problem(true, ends(NOW - 1));
    let short = |ends| {
        move |report: &mut Report| {
            report.certificates.push(Certificate {
                begins: ends - DAY,
                ends,
                ..Certificate::default()
            });
        }
    };
    is_problem(false, short(NOW + DAY / 4));
    is_problem(true, short(NOW + DAY / 4 - 1));
}

#[test]
fn a_missing_certificate_and_a_failed_order_need_a_person() {
    let missing = |report: &mut Report| report.no_certificate = true;
    is_problem(true, missing);
    let failed = |report: &mut Report| {
        report.certificate_order = Some(FailedOrder {
            failures: 2,
            reason: "no record".to_owned(),
            next: NOW + 300,
        });
    };
    is_problem(true, failed);
    let mut report = well();
    failed(&mut report);
    let line = problems(&report).concat();
    assert!(
        line.contains("no record; the next attempt is in 5 min"),
        "{line}"
    );
}

#[test]
fn a_delivery_that_was_not_taken_is_looked_after_within_the_hour() {
    let not_taken = |at| {
        move |report: &mut Report| {
            let reason = "destination-refused".to_owned();
            report.endpoints[0].last_not_taken = Some(Event { at, reason });
        }
    };
    is_problem(true, not_taken(NOW));
    is_problem(true, not_taken(NOW - HOUR + 1));
    is_problem(false, not_taken(NOW - HOUR));
}

#[test]
fn a_unique_value_that_identifies_nothing_problems_a_person_for_a_day() {
    let unidentified = |at| {
        move |report: &mut Report| {
            let reason = "placeholder".to_owned();
            report.endpoints[0].unidentified = 1;
            report.endpoints[0].last_unidentified = Some(Event { at, reason });
        }
    };
    is_problem(true, unidentified(NOW - DAY + 1));
    is_problem(false, unidentified(NOW - DAY));
}

#[test]
fn a_pointer_that_is_missing_problems_a_person_until_it_is_back() {
    let missing = |count: usize| {
        move |report: &mut Report| {
            let pointers = (0..count).map(|index| MissingPointer {
                pointer: format!("/p{index}"),
                since: NOW - 9 * DAY,
                ..MissingPointer::default()
            });
            report.endpoints[0].missing_pointers = pointers.collect();
        }
    };
    is_problem(false, missing(0));
    is_problem(true, missing(1));
    is_problem(true, missing(5));
    let mut report = well();
    missing(5)(&mut report);
    let line = problems(&report).concat();
    assert!(line.contains("/p0, /p1, /p2 and 2 more"), "{line}");
}

#[test]
fn false_signatures_count_only_where_no_true_one_came_for_long() {
    let refused = |mismatches, since| {
        move |report: &mut Report| {
            report.endpoints[0].mismatches = mismatches;
            report.endpoints[0].mismatches_since = Some(since);
        }
    };
    is_problem(true, refused(MISMATCHES, NOW - HOUR));
    is_problem(false, refused(MISMATCHES - 1, NOW - HOUR));
    is_problem(false, refused(MISMATCHES, NOW - HOUR + 1));
}
