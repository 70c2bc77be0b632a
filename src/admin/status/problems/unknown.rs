//! The conditions that the gate cannot judge yet. Counters begin anew with each process, so after a
//! restart the lack of evidence does not end an alarm.

use super::{
    bounds::{DAY, HOUR},
    endpoint::{has_listened, silent_for, subject},
    sentence::ago,
};
use crate::{
    admin::status::{
        removable::QUIET,
        report::{Endpoint, Inbox, Report},
    },
    alarm::{Condition, Unknown},
};

/// The time after the start in which stored profiles are read, and a certificate is ordered.
const START: u64 = 5 * 60;

/// The conditions that only the content of the inbox shows.
const OF_THE_INBOX: [Condition; 6] = [
    Condition::InboxNearlyFull,
    Condition::Quarantine,
    Condition::DeadLetter,
    Condition::DestinationUnconfigured,
    Condition::DeliveriesLate,
    Condition::DestinationDown,
];

pub(super) fn unknown(report: &Report) -> Vec<Unknown> {
    let mut all = Vec::new();
    let uptime = ago(report, report.started).0;
    let has_trouble = |inbox: &Inbox| inbox.trouble.is_some();
    if report.inbox.as_ref().is_some_and(has_trouble) {
        all.extend(OF_THE_INBOX.map(|condition| Unknown {
            condition,
            subject: None,
        }));
    }
    if uptime < START {
        all.push(of(Condition::CertificateOrderFailed, ""));
    }
    for endpoint in &report.endpoints {
        all.extend(of_endpoint(report, endpoint, uptime));
    }
    let destinations = report.destinations.iter();
    let unproven = destinations.filter(|one| one.taken == 0 && one.failed == 0);
    all.extend(unproven.map(|one| of(Condition::DestinationDown, &one.destination)));
    let receivers = report.alarms.iter();
    let unproven = receivers.filter(|one| one.sent == 0);
    all.extend(unproven.map(|one| of(Condition::AlarmFailed, &one.alarm)));
    all
}

fn of_endpoint(report: &Report, endpoint: &Endpoint, uptime: u64) -> Vec<Unknown> {
    let name = &endpoint.endpoint;
    let is_silent = silent_for(report, endpoint).is_some();
    let knows_rhythm = endpoint.silence_limit.is_some() || uptime >= START;
    let mut all = Vec::new();
    for (condition, is_unknown) in [
        (Condition::AllRejected, endpoint.last_verified.is_none()),
        (Condition::NotTaken, uptime < HOUR),
        (Condition::UniqueUnusable, uptime < DAY),
        // The saved rejections are judged after the start.
        (Condition::LateStuck, uptime < START),
        (Condition::PayloadChanged, uptime < START),
        (
            Condition::Silence,
            !knows_rhythm || (is_silent && !has_listened(report, endpoint)),
        ),
    ] {
        if is_unknown {
            all.push(of(condition, name));
        }
    }
    for secret in endpoint.secrets.iter().skip(1) {
        if ago(report, secret.counted_since).0 < QUIET {
            let subject = subject(endpoint, &secret.secret);
            all.push(of(Condition::OldSecretInUse, &subject));
            all.push(of(Condition::OldSecretRemovable, &subject));
        }
    }
    all
}

fn of(condition: Condition, subject: &str) -> Unknown {
    Unknown {
        condition,
        subject: Some(subject.to_owned()),
    }
}
