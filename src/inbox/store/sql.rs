//! Values and fragments of SQL that both engines use.

use crate::delivery::event::DeliveryState;

/// Returns a number of rows as the value of a `LIMIT`.
pub(super) fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// Lists states as the elements of an `IN`.
///
/// They are literals, not parameters, so that the planner can match them with the condition of a
/// partial index.
pub(super) fn states(states: &[DeliveryState]) -> String {
    let numbers: Vec<_> = states
        .iter()
        .map(|state| (*state as i16).to_string())
        .collect();
    numbers.join(",")
}

/// Reads a state. A number that no gate writes counts as quarantined, a state that is never
/// delivered.
pub(super) fn state(number: i64) -> DeliveryState {
    match number {
        0 => DeliveryState::Pending,
        1 => DeliveryState::Delivered,
        2 => DeliveryState::Dead,
        _ => DeliveryState::Quarantined,
    }
}

/// Returns the name in the table `meta` of the id of the last requeue that affected a queue.
pub(super) fn requeue_key(queue: &str) -> String {
    format!("again:{queue}")
}
