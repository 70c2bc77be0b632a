//! The conditions of a gate at one time.

use super::condition::Condition;

/// A condition that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenProblem {
    pub(crate) condition: Condition,
    /// The endpoint, destination, secret, certificate, limit or receiver; empty for the whole gate.
    pub(crate) subject: String,
    /// The sentence for an alarm. It consists of names in the configuration, numbers and fixed
    /// words, so it contains no text that a client or another server has chosen.
    pub(crate) text: String,
    /// The line of the status, which may quote errors and name pointers.
    pub(crate) line: String,
}

/// A condition that cannot be judged at present, for one subject or for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) condition: Condition,
    pub(crate) subject: Option<String>,
}

/// The conditions that hold, and those that cannot be judged. All others do not hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluation {
    pub(crate) problems: Vec<OpenProblem>,
    pub(crate) unknown: Vec<Unknown>,
}

/// Whether a condition holds for a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Holds,
    Unknown,
    Over,
}

impl Evaluation {
    pub(crate) fn problem(&self, condition: Condition, subject: &str) -> Option<&OpenProblem> {
        let mut problems = self.problems.iter();
        problems.find(|one| one.condition == condition && one.subject == subject)
    }

    pub(crate) fn judge(&self, condition: Condition, subject: &str) -> Judgement {
        if self.problem(condition, subject).is_some() {
            return Judgement::Holds;
        }
        let is_unknown = |one: &Unknown| {
            one.condition == condition && one.subject.as_deref().is_none_or(|own| own == subject)
        };
        match self.unknown.iter().any(is_unknown) {
            true => Judgement::Unknown,
            false => Judgement::Over,
        }
    }
}
