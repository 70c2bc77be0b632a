//! Problems with the inbox and its queues.

use super::{
    bounds::{NEARLY_FULL, WAITING},
    sentence::{ago, plain},
};
use crate::{
    admin::status::report::{Inbox, Report, Room, Waiting},
    alarm::{Condition, OpenProblem},
};

pub(super) fn problems(report: &Report, inbox: &Inbox) -> Vec<OpenProblem> {
    let mut all = Vec::new();
    if let Some(trouble) = &inbox.trouble {
        all.push(OpenProblem {
            condition: Condition::InboxFailed,
            subject: String::new(),
            text: "the inbox cannot store deliveries, or its state is unknown; see cartgate status"
                .to_owned(),
            line: format!("inbox: {trouble}"),
        });
    }
    for (resource, room) in [("events", inbox.events), ("bytes", inbox.bytes)] {
        let percent = percent(room);
        if percent >= NEARLY_FULL {
            let text = format!("inbox: {percent} % of the limit of {resource} are used");
            all.push(plain(Condition::InboxNearlyFull, resource, text));
        }
    }
    for waiting in &inbox.waiting {
        all.extend(queue(report, waiting));
    }
    all
}

fn queue(report: &Report, waiting: &Waiting) -> Vec<OpenProblem> {
    let name = match &*waiting.destination {
        "" => "no destination",
        name => name,
    };
    let (quarantined, dead) = (waiting.quarantined, waiting.dead);
    let quarantined = (quarantined > 0).then(|| {
        let text = format!("inbox: {quarantined} deliveries for {name} are in quarantine, because they changed after they were stored; see inbox list --state quarantined");
        plain(Condition::Quarantine, name, text)
    });
    let dead = (dead > 0).then(|| {
        let text = format!(
            "inbox: {dead} dead letters for {name}; see inbox list --state dead, then inbox retry"
        );
        plain(Condition::DeadLetter, name, text)
    });
    let pending = if waiting.configured {
        overdue(report, waiting, name)
    } else {
        stranded(waiting, name)
    };
    [quarantined, dead, pending].into_iter().flatten().collect()
}

/// Describes deliveries that wait for a destination without configuration.
fn stranded(waiting: &Waiting, name: &str) -> Option<OpenProblem> {
    let number = waiting.pending;
    (number > 0).then(|| {
        let text = format!("inbox: {number} deliveries wait for {name}, which is not configured; move them with inbox retry --destination {name} --to NAME");
        plain(Condition::DestinationUnconfigured, name, text)
    })
}

/// Describes deliveries that have waited for too long, perhaps because the destination is down. After
/// it has come back, they have a minute to arrive.
fn overdue(report: &Report, waiting: &Waiting, name: &str) -> Option<OpenProblem> {
    let oldest = waiting.oldest?;
    let late_since = oldest.max(waiting.up_since.unwrap_or_default());
    if ago(report, late_since).0 < WAITING {
        return None;
    }
    let (oldest, number) = (ago(report, oldest), waiting.pending);
    let down = waiting.down_since.map(|since| ago(report, since));
    let (condition, down) = match down {
        Some(down) => (
            Condition::DestinationDown,
            format!("; it has been down for {down}"),
        ),
        None => (Condition::DeliveriesLate, String::new()),
    };
    let text = format!(
        "inbox: {number} deliveries wait for {name}, the oldest for {oldest}{down}; see inbox list"
    );
    Some(plain(condition, name, text))
}

fn percent(room: Room) -> u64 {
    let percent = u128::from(room.taken) * 100;
    let percent = percent.checked_div(u128::from(room.limit));
    percent.map_or(0, |percent| u64::try_from(percent).unwrap_or(u64::MAX))
}
