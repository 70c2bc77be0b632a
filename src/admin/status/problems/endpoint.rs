//! Problems with the deliveries of an endpoint.

use super::{
    bounds::{DAY, HOUR},
    sentence::{ago, plain},
};
use crate::{
    admin::status::{
        removable::{QUIET, removable_since},
        report::{Endpoint, Report},
        span::Span,
    },
    alarm::{Condition, OpenProblem},
};

/// The number of mismatches in a row that is a problem, and the time since the first of them. A
/// single wrong sender causes fewer beside genuine deliveries.
pub(super) const MISMATCHES: u64 = 5;
pub(super) const MISMATCHED_FOR: u64 = HOUR / 2;

/// The largest number of missing pointers that one line names.
const NAMED_POINTERS: usize = 3;

pub(super) fn problems(report: &Report, endpoint: &Endpoint) -> Vec<OpenProblem> {
    let mut all = Vec::new();
    all.extend(not_taken(report, endpoint));
    all.extend(no_match(report, endpoint));
    all.extend(late(endpoint));
    all.extend(silence(report, endpoint));
    all.extend(unidentified(report, endpoint));
    all.extend(changed_payload(report, endpoint));
    all.extend(older_secrets(report, endpoint));
    all
}

fn not_taken(report: &Report, endpoint: &Endpoint) -> Option<OpenProblem> {
    let last = endpoint.last_not_taken.as_ref()?;
    let ago = ago(report, last.at);
    (ago.0 < HOUR).then(|| {
        let name = &endpoint.endpoint;
        let reason = &last.reason;
        let text = format!(
            "{name}: a verified delivery was not taken {ago} ago ({reason}); see the ERROR lines of the log"
        );
        plain(Condition::NotTaken, name, text)
    })
}

fn no_match(report: &Report, endpoint: &Endpoint) -> Option<OpenProblem> {
    let since = ago(report, endpoint.mismatches_since?);
    (endpoint.mismatches >= MISMATCHES && since.0 >= MISMATCHED_FOR).then(|| {
        let (name, number) = (&endpoint.endpoint, endpoint.mismatches);
        let text = format!(
            "{name}: no signature has matched for {since}, and {number} did not; \
             perhaps Cartfunnel has a new secret"
        );
        plain(Condition::AllRejected, name, text)
    })
}

/// Describes saved rejections that verify by now, and cannot be delivered.
fn late(endpoint: &Endpoint) -> Option<OpenProblem> {
    let late = endpoint.late.as_ref().filter(|late| late.waiting > 0)?;
    let (name, words, trouble) = (&endpoint.endpoint, late.words(), late.trouble.as_ref()?);
    let text = format!("{name}: {words}");
    Some(OpenProblem {
        condition: Condition::LateStuck,
        subject: name.clone(),
        line: format!("{text}: {trouble}"),
        text: format!("{text}; see cartgate status for the reason"),
    })
}

/// Returns the time without a delivery, if it is longer than usual.
pub(super) fn silent_for(report: &Report, endpoint: &Endpoint) -> Option<Span> {
    let limit = endpoint.silence_limit?;
    let last = endpoint.last_delivery;
    let silent = ago(report, last.unwrap_or(endpoint.counted_since));
    (silent.0 >= limit).then_some(silent)
}

/// Whether the gate has run for long enough to notice silence. Before, it may only have been off.
pub(super) fn has_listened(report: &Report, endpoint: &Endpoint) -> bool {
    let limit = endpoint.silence_limit.unwrap_or(HOUR);
    ago(report, report.started).0 >= limit.min(HOUR)
}

fn silence(report: &Report, endpoint: &Endpoint) -> Option<OpenProblem> {
    let silent = silent_for(report, endpoint).filter(|_| has_listened(report, endpoint))?;
    let name = &endpoint.endpoint;
    let usual = Span(endpoint.silence_limit.unwrap_or_default());
    let text = format!(
        "{name}: no verified delivery for {silent}, which is longer than {usual}; \
         send a test request from Cartfunnel's dashboard"
    );
    Some(plain(Condition::Silence, name, text))
}

fn unidentified(report: &Report, endpoint: &Endpoint) -> Option<OpenProblem> {
    let last = endpoint.last_unidentified.as_ref()?;
    let ago = ago(report, last.at);
    (ago.0 < DAY).then(|| {
        let (name, number) = (&endpoint.endpoint, endpoint.unidentified);
        let reason = match &*last.reason {
            "placeholder" => "a placeholder",
            _ => "the same in different bodies",
        };
        let text = format!(
            "{name}: the value at `unique` was {reason} {ago} ago ({number} in all); \
             such events are stored but not compared, so correct the payload or the pointer"
        );
        plain(Condition::UniqueUnusable, name, text)
    })
}

/// Describes pointers that always occurred in the payloads, and are missing. An alarm does not name
/// them, because they are text of payloads.
fn changed_payload(report: &Report, endpoint: &Endpoint) -> Option<OpenProblem> {
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
    let changed = format!("{name}: the payloads changed {since} ago and lack");
    let advice = "see inbox profile, and accept the new shape if it is right";
    let number = missing.len();
    Some(OpenProblem {
        condition: Condition::PayloadChanged,
        subject: name.clone(),
        line: format!("{changed} {pointers}{more}, which always occurred; {advice}"),
        text: format!("{changed} {number} JSON pointers that always occurred; {advice}"),
    })
}

fn name_of_pointer(pointer: &str) -> &str {
    match pointer {
        "" => "JSON",
        pointer => pointer,
    }
}

/// Describes secrets other than the newest one, which are still in use or can be removed.
fn older_secrets(report: &Report, endpoint: &Endpoint) -> Vec<OpenProblem> {
    let Some((newest, older)) = endpoint.secrets.split_first() else {
        return Vec::new();
    };
    let name = &endpoint.endpoint;
    let problems = older.iter().filter_map(|secret| {
        let subject = subject(endpoint, &secret.secret);
        let secret_name = &secret.secret;
        if removable_since(newest, secret, report.now).is_some() {
            let text = format!(
                "{name}: the secret {secret_name} has matched nothing for a day and can be removed"
            );
            return Some(plain(Condition::OldSecretRemovable, &subject, text));
        }
        let last = ago(report, secret.last_matched?);
        let is_old = ago(report, secret.counted_since).0 >= QUIET;
        (is_old && last.0 < QUIET).then(|| {
            let text = format!(
                "{name}: Cartfunnel still signs with the older secret {secret_name}, last {last} ago"
            );
            plain(Condition::OldSecretInUse, &subject, text)
        })
    });
    problems.collect()
}

/// Returns the subject of a secret's conditions.
pub(super) fn subject(endpoint: &Endpoint, secret: &str) -> String {
    format!("{}/{secret}", endpoint.endpoint)
}
