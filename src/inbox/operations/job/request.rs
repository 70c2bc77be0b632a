//! The request for a job, and its rules. They hold for the API and the commands alike.

use serde::{Deserialize, Serialize};

use super::{super::filter::DeliveryFilter, super::page_range::PageRange, action::Action};
use crate::{delivery::event::DeliveryState, inbox::store::Selection};

/// A request for a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobRequest {
    pub(crate) action: Action,
    #[serde(default)]
    pub(crate) selection: DeliveryFilter,
    /// The destination of a move.
    #[serde(default)]
    pub(crate) to: Option<String>,
    /// The largest number of deliveries per second.
    #[serde(default)]
    pub(crate) rate: Option<f64>,
}

/// The reason why a request makes no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("select deliveries by their ids or by a filter")]
    Everything,
    #[error("delivered events are not retried; replay delivers them again")]
    Delivered,
    #[error("a move needs a destination in `to`")]
    NoTarget,
    #[error("only a move has a destination in `to`")]
    Target,
    #[error("the rate must be a number above 0")]
    Rate,
    #[error("one request can name {most} events at most", most = PageRange::MOST)]
    TooManyIds,
}

impl JobRequest {
    /// Checks the rules that need no look at the inbox.
    ///
    /// # Errors
    ///
    /// When a rule is broken.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        let Self {
            action,
            selection,
            to,
            rate,
        } = self;
        let may_select_all = matches!(action, Action::Retry | Action::Move);
        if selection.is_everything() && !may_select_all {
            return Err(RequestError::Everything);
        }
        if may_select_all && selection.states.contains(&DeliveryState::Delivered) {
            return Err(RequestError::Delivered);
        }
        match (action, to) {
            (Action::Move, None) => return Err(RequestError::NoTarget),
            (Action::Retry | Action::Replay | Action::Purge, Some(_)) => {
                return Err(RequestError::Target);
            }
            _ => {}
        }
        if rate.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            return Err(RequestError::Rate);
        }
        if selection.ids.len() > PageRange::MOST {
            return Err(RequestError::TooManyIds);
        }
        Ok(())
    }

    /// Returns the selection, with the states on which the action works unless it names some.
    pub(super) fn selection(&self) -> Selection {
        let mut selection = Selection::from(self.selection.clone());
        if selection.states.is_empty() {
            selection.states = self.default_states().to_vec();
        }
        selection
    }

    fn default_states(&self) -> &'static [DeliveryState] {
        use DeliveryState::{Dead, Delivered, Pending, Quarantined};
        match self.action {
            Action::Purge => &[],
            Action::Replay => &[Delivered, Dead],
            Action::Retry | Action::Move if !self.selection.ids.is_empty() => {
                &[Pending, Dead, Quarantined]
            }
            // Deliveries for a removed destination stay pending.
            Action::Move => &[Pending, Dead],
            Action::Retry => &[Dead],
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn request(action: Action, change: impl FnOnce(&mut JobRequest)) -> JobRequest {
        let mut request = JobRequest {
            action,
            selection: DeliveryFilter::default(),
            to: None,
            rate: None,
        };
        change(&mut request);
        request
    }

    #[test]
    fn each_rule_is_checked() {
        use Action::{Move, Purge, Replay, Retry};
        let delivered = |request: &mut JobRequest| {
            request.selection.states = vec![DeliveryState::Dead, DeliveryState::Delivered];
        };
        let to = |request: &mut JobRequest| request.to = Some("shop".to_owned());
        let by_endpoint = |request: &mut JobRequest| {
            request.selection.endpoint = Some("orders".to_owned());
        };
        let error = |request: JobRequest| request.check().expect_err("a broken rule");
        for action in [Replay, Purge] {
            assert_eq!(error(request(action, |_| {})), RequestError::Everything);
            assert_eq!(request(action, by_endpoint).check(), Ok(()));
            assert_eq!(request(action, delivered).check(), Ok(()));
        }
        assert_eq!(error(request(Retry, delivered)), RequestError::Delivered);
        assert_eq!(error(request(Retry, to)), RequestError::Target);
        assert_eq!(error(request(Move, |_| {})), RequestError::NoTarget);
        assert_eq!(request(Move, to).check(), Ok(()));
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let paced = request(Retry, |request| request.rate = Some(rate));
            assert_eq!(error(paced), RequestError::Rate, "{rate}");
        }
        let many = |request: &mut JobRequest| {
            request.selection.ids = vec![Uuid::nil(); PageRange::MOST + 1];
        };
        assert_eq!(error(request(Purge, many)), RequestError::TooManyIds);
    }

    #[test]
    fn a_purge_selects_each_state_and_a_retry_no_delivered_one() {
        let by_id = |request: &mut JobRequest| request.selection.ids = vec![Uuid::nil()];
        let states = |request: JobRequest| request.selection().states;
        assert_eq!(states(request(Action::Purge, by_id)), []);
        for action in [Action::Retry, Action::Move] {
            for change in [&by_id as &dyn Fn(&mut JobRequest), &|_| {}] {
                let states = states(request(action, change));
                assert!(states.contains(&DeliveryState::Dead), "{states:?}");
                assert!(!states.contains(&DeliveryState::Delivered), "{states:?}");
            }
        }
    }
}
