//! Reports with and without each problem.

use super::{
    bounds::{DAY, HOUR},
    certificate::CERTIFICATE,
    endpoint::{MISMATCHED_FOR, MISMATCHES},
    *,
};
use crate::{
    admin::status::{
        Alarm, Certificate, Destination, Endpoint, Event, FailedOrder, Inbox, Late, MissingPointer,
        Room, Secret, Waiting, removable::QUIET,
    },
    alarm::Judgement,
};

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
    is_problem(true, refused(MISMATCHES, NOW - MISMATCHED_FOR));
    is_problem(false, refused(MISMATCHES - 1, NOW - MISMATCHED_FOR));
    is_problem(false, refused(MISMATCHES, NOW - MISMATCHED_FOR + 1));
}

#[test]
fn silence_counts_from_the_last_delivery_and_not_right_after_a_start() {
    let silent = |limit, last, started| {
        move |report: &mut Report| {
            report.started = NOW - started;
            report.endpoints[0].counted_since = NOW - started;
            report.endpoints[0].silence_limit = limit;
            report.endpoints[0].last_delivery = last;
        }
    };
    is_problem(true, silent(Some(DAY), Some(NOW - DAY), DAY));
    is_problem(false, silent(Some(DAY), Some(NOW - DAY + 1), DAY));
    is_problem(false, silent(None, Some(NOW - 9 * DAY), DAY));
    is_problem(true, silent(Some(DAY), None, DAY));
    is_problem(false, silent(Some(DAY), None, DAY - 1));
    // The gate was off.
    is_problem(false, silent(Some(DAY), Some(NOW - 2 * DAY), HOUR - 1));
    is_problem(true, silent(Some(DAY), Some(NOW - 2 * DAY), HOUR));
    is_problem(true, silent(Some(60), Some(NOW - 60), 60));
}

#[test]
fn a_direct_destination_is_down_after_an_attempt_without_a_response() {
    let attempts = |durable, taken, reason: &str| {
        let reason = reason.to_owned();
        move |report: &mut Report| {
            report.destinations.push(Destination {
                destination: "app".to_owned(),
                durable,
                last_taken: taken,
                last_failed: Some(Event { at: NOW, reason }),
                ..Destination::default()
            });
        }
    };
    is_problem(true, attempts(false, None, "destination-refused"));
    is_problem(
        true,
        attempts(false, Some(NOW - 1), "destination-answer-timeout"),
    );
    is_problem(false, attempts(false, Some(NOW), "destination-refused"));
    is_problem(false, attempts(false, None, "5xx"));
    is_problem(false, attempts(true, None, "destination-refused"));
}

#[test]
fn a_durable_destination_is_down_once_deliveries_wait_for_it() {
    let down = |oldest| {
        inbox(move |inbox| {
            inbox.waiting[0].oldest = Some(NOW - oldest);
            inbox.waiting[0].down_since = Some(NOW - oldest);
        })
    };
    is_problem(false, down(WAITING - 1));
    is_problem(true, down(WAITING));
    let back = |since| {
        inbox(move |inbox| {
            inbox.waiting[0].oldest = Some(NOW - HOUR);
            inbox.waiting[0].up_since = Some(NOW - since);
        })
    };
    is_problem(false, back(WAITING - 1));
    is_problem(true, back(WAITING));
    let mut report = well();
    down(WAITING)(&mut report);
    let condition = conditions(&report)[0].condition;
    assert_eq!(condition, Condition::DestinationDown);
}

#[test]
fn an_older_secret_is_a_problem_while_it_is_in_use_and_a_notice_afterwards() {
    let secrets = |newest, older, counted_since| {
        move |report: &mut Report| {
            let secret = |name: &str, last_matched| Secret {
                secret: name.to_owned(),
                last_matched,
                counted_since,
                ..Secret::default()
            };
            report.endpoints[0].secrets = vec![secret("new", newest), secret("old", older)];
        }
    };
    let (long_ago, now) = (NOW - 9 * QUIET, Some(NOW));
    is_problem(true, secrets(now, now, NOW - QUIET));
    is_problem(false, secrets(now, now, NOW - QUIET + 1));
    is_problem(true, secrets(None, Some(NOW - QUIET + 1), long_ago));
    is_problem(false, secrets(now, Some(NOW - QUIET), long_ago));
    let mut report = well();
    secrets(now, Some(NOW - QUIET), long_ago)(&mut report);
    let notice = &conditions(&report)[0];
    assert_eq!(notice.condition, Condition::OldSecretRemovable);
    assert_eq!(notice.subject, "/old");
}

#[test]
fn a_receiver_that_fails_for_a_minute_needs_a_person() {
    let failing = |since| {
        move |report: &mut Report| {
            report.alarms.push(Alarm {
                alarm: "ops".to_owned(),
                failing_since: since,
                ..Alarm::default()
            });
        }
    };
    is_problem(false, failing(None));
    is_problem(false, failing(Some(NOW - WAITING + 1)));
    is_problem(true, failing(Some(NOW - WAITING)));
}

/// Returns a report in which every condition holds. All text that a client, another server or a
/// payload may have chosen is `planted`.
fn everything() -> Report {
    let planted = || "planted".to_owned();
    let secret = |name: &str, last_matched| Secret {
        secret: name.to_owned(),
        last_matched,
        ..Secret::default()
    };
    let queue = |name: &str, down_since| Waiting {
        destination: name.to_owned(),
        configured: true,
        down_since,
        up_since: None,
        pending: 3,
        oldest: Some(1),
        dead: 1,
        quarantined: 1,
    };
    let removed = Waiting {
        configured: false,
        ..queue("old-app", None)
    };
    let nearly_full = Room {
        taken: 9,
        limit: 10,
    };
    let event = |reason: &str| {
        let reason = reason.to_owned();
        Some(Event { at: NOW, reason })
    };
    let mut report = well();
    report.version = planted();
    report.no_certificate = true;
    report.last_astray = event("planted");
    report.configuration.failed = Some(NOW);
    report.configuration.trigger = Some(planted());
    report.certificates.push(Certificate::default());
    report.certificate_order = Some(FailedOrder {
        failures: 2,
        reason: planted(),
        next: NOW,
    });
    report.alarms.push(Alarm {
        alarm: "ops".to_owned(),
        failing_since: Some(1),
        ..Alarm::default()
    });
    report.inbox = Some(Inbox {
        trouble: Some(planted()),
        events: nearly_full,
        bytes: nearly_full,
        waiting: vec![queue("app", None), queue("mail", Some(1)), removed],
    });
    report.destinations.push(Destination {
        destination: "direct".to_owned(),
        last_failed: event("destination-refused"),
        ..Destination::default()
    });
    let endpoint = &mut report.endpoints[0];
    endpoint.endpoint = "orders".to_owned();
    endpoint.last_rejected = event("planted");
    endpoint.last_not_taken = event("destination-refused");
    endpoint.last_unidentified = event("placeholder");
    endpoint.late = Some(Late {
        rejected: 3,
        waiting: 3,
        trouble: Some(planted()),
        ..Late::default()
    });
    endpoint.mismatches = MISMATCHES;
    endpoint.mismatches_since = Some(1);
    endpoint.silence_limit = Some(HOUR);
    endpoint.last_delivery = Some(1);
    endpoint.missing_pointers = vec![MissingPointer {
        kind: planted(),
        pointer: "/planted".to_owned(),
        ..MissingPointer::default()
    }];
    endpoint.secrets = vec![
        secret("new", Some(NOW)),
        secret("used", Some(NOW)),
        secret("unused", None),
    ];
    report
}

#[test]
fn each_condition_has_its_problem_in_the_status() {
    let report = everything();
    let (found, lines) = (conditions(&report), problems(&report));
    for condition in Condition::ALL {
        let mut own = found.iter().filter(|one| one.condition == condition);
        let problem = own.next().unwrap_or_else(|| panic!("no {condition}"));
        let is_open = condition.severity() > Severity::Info;
        assert_eq!(lines.contains(&problem.line), is_open, "{condition}");
    }
}

#[test]
fn a_subject_has_a_condition_once() {
    let mut keys: Vec<_> = conditions(&everything())
        .into_iter()
        .map(|one| (one.condition, one.subject))
        .collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all, "{keys:?}");
}

#[test]
fn an_alarm_has_no_text_of_a_client_a_payload_or_another_server() {
    let report = everything();
    for problem in conditions(&report) {
        let sent = format!("{} {}", problem.subject, problem.text);
        assert!(!sent.contains("planted"), "{sent}");
        assert!(sent.len() < 300, "{sent}");
    }
    assert!(problems(&report).concat().contains("planted"));
}

#[test]
fn a_restart_makes_conditions_unknown_and_not_over() {
    let mut report = everything();
    report.started = NOW;
    report.inbox.as_mut().expect("an inbox").waiting.clear();
    let endpoint = &mut report.endpoints[0];
    endpoint.mismatches = 0;
    endpoint.mismatches_since = None;
    endpoint.last_not_taken = None;
    endpoint.last_unidentified = None;
    endpoint.missing_pointers.clear();
    for secret in &mut endpoint.secrets {
        secret.last_matched = None;
        secret.counted_since = NOW;
    }
    report.certificate_order = None;
    report.destinations = vec![Destination {
        destination: "app".to_owned(),
        durable: true,
        ..Destination::default()
    }];
    report.alarms[0].failing_since = None;
    let evaluation = evaluate(&report);
    let judge = |condition, subject| evaluation.judge(condition, subject);
    use Judgement::{Holds, Over, Unknown};
    for (condition, subject, expected) in [
        (Condition::AllRejected, "orders", Unknown),
        (Condition::Silence, "orders", Unknown),
        (Condition::NotTaken, "orders", Unknown),
        (Condition::NotTaken, "removed", Over),
        (Condition::DestinationDown, "app", Unknown),
        (Condition::DeadLetter, "app", Unknown),
        (Condition::Quarantine, "app", Unknown),
        (Condition::UniqueUnusable, "orders", Unknown),
        (Condition::PayloadChanged, "orders", Unknown),
        (Condition::OldSecretInUse, "orders/used", Unknown),
        (Condition::OldSecretRemovable, "orders/unused", Unknown),
        (Condition::OldSecretInUse, "orders/new", Over),
        (Condition::CertificateOrderFailed, "", Unknown),
        (Condition::AlarmFailed, "ops", Unknown),
        (Condition::InboxFailed, "", Holds),
        (Condition::ReloadFailed, "", Holds),
    ] {
        assert_eq!(judge(condition, subject), expected, "{condition} {subject}");
    }
    let later = Report {
        started: NOW - 2 * DAY,
        ..well()
    };
    assert_eq!(evaluate(&later).unknown.len(), 1, "{:?}", evaluate(&later));
}
