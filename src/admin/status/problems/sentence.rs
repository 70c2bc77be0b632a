//! The parts of a problem's sentence.

use crate::{
    admin::status::{report::Report, span::Span},
    alarm::{Condition, OpenProblem},
};

/// Returns a problem whose sentence is the same everywhere.
pub(super) fn plain(condition: Condition, subject: &str, text: String) -> OpenProblem {
    OpenProblem {
        condition,
        subject: subject.to_owned(),
        line: text.clone(),
        text,
    }
}

/// Returns the time since `then`.
pub(super) fn ago(report: &Report, then: u64) -> Span {
    Span::since(then, report.now)
}
