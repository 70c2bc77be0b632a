//! The open problems in the report of a gate: for its screen, the exit status of `cartgate status`,
//! `--json` and the alarms.

mod bounds;
mod certificate;
mod endpoint;
mod inbox;
mod sentence;
mod unknown;

use bounds::WAITING;
use sentence::{ago, plain};

use super::report::Report;
use crate::alarm::{Condition, Evaluation, OpenProblem, Severity};

/// Returns a line for each open problem.
pub(crate) fn problems(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    // A failed inbox has its own line.
    let inbox_failed = report
        .inbox
        .as_ref()
        .is_some_and(|inbox| inbox.trouble.is_some());
    if !report.ready && !inbox_failed {
        lines.push("the gate drains and is not ready".to_owned());
    }
    let conditions = conditions(report).into_iter();
    let open = conditions.filter(|one| one.condition.severity() > Severity::Info);
    lines.extend(open.map(|one| one.line));
    lines
}

/// Returns the conditions that hold, and those that cannot be judged yet.
pub(crate) fn evaluate(report: &Report) -> Evaluation {
    Evaluation {
        problems: conditions(report),
        unknown: unknown::unknown(report),
    }
}

fn conditions(report: &Report) -> Vec<OpenProblem> {
    let mut all = Vec::new();
    all.extend(reload_failed(report));
    all.extend(certificate::problems(report));
    if let Some(inbox) = &report.inbox {
        all.extend(inbox::problems(report, inbox));
    }
    all.extend(down_directly(report));
    for endpoint in &report.endpoints {
        all.extend(endpoint::problems(report, endpoint));
    }
    all.extend(failing_alarms(report));
    all
}

fn reload_failed(report: &Report) -> Option<OpenProblem> {
    let failed = ago(report, report.configuration.failed?);
    let since = ago(report, report.configuration.since);
    Some(plain(
        Condition::ReloadFailed,
        "",
        format!(
            "the reload {failed} ago failed; the configuration from {since} ago stays in force"
        ),
    ))
}

/// Describes destinations of direct endpoints whose last attempt got no response.
fn down_directly(report: &Report) -> impl Iterator<Item = OpenProblem> {
    let down = report.destinations.iter().filter(|one| !one.durable);
    down.filter_map(|one| {
        let failed = one.last_failed.as_ref()?;
        // A response of the class 3xx, 4xx or 5xx shows that the app runs.
        let is_silent = failed.reason.starts_with("destination-");
        let is_last = one.last_taken.is_none_or(|taken| taken < failed.at);
        (is_silent && is_last).then(|| {
            let (name, ago) = (&one.destination, ago(report, failed.at));
            let text =
                format!("{name}: the destination is down; the last attempt {ago} ago failed");
            OpenProblem {
                condition: Condition::DestinationDown,
                subject: name.clone(),
                line: format!("{text} ({})", failed.reason),
                text,
            }
        })
    })
}

fn failing_alarms(report: &Report) -> impl Iterator<Item = OpenProblem> {
    let failing = report.alarms.iter().filter_map(|one| {
        let since = ago(report, one.failing_since?);
        (since.0 >= WAITING).then_some((&one.alarm, since))
    });
    failing.map(|(name, since)| {
        let text = format!(
            "alarms have not reached {name} for {since}; check it with cartgate alarm test"
        );
        plain(Condition::AlarmFailed, name, text)
    })
}

#[cfg(test)]
mod tests;
