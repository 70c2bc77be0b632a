//! The steps of the second part and their results.

use serde_json::{Value, json};

/// One step and its result.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) result: String,
    pub(super) as_expected: bool,
}

impl Step {
    /// An order arrives while no app listens.
    pub(super) fn stored(status: Option<u16>) -> Self {
        Self::with_status("the app is down; an order arrives", status, true)
    }

    /// The app listens again.
    pub(super) fn delivered(arrived: bool) -> Self {
        Self::with_arrival("the app is back", arrived)
    }

    /// The app rejects an order for good.
    pub(super) fn rejected(status: Option<u16>, is_dead: bool) -> Self {
        Self::with_status("the app rejects an order for good", status, is_dead)
    }

    /// The dead letter is replayed, and the app accepts it.
    pub(super) fn replayed(arrived: bool) -> Self {
        Self::with_arrival("its dead letter is replayed", arrived)
    }

    fn with_status(name: &'static str, status: Option<u16>, as_expected: bool) -> Self {
        let result = match status {
            Some(200) if as_expected => "200: stored".to_owned(),
            Some(200) => "200, but NO dead letter".to_owned(),
            Some(other) => other.to_string(),
            None => "no response".to_owned(),
        };
        Self {
            name,
            result,
            as_expected: as_expected && status == Some(200),
        }
    }

    fn with_arrival(name: &'static str, arrived: bool) -> Self {
        let result = if arrived {
            "delivered to the app"
        } else {
            "NOT delivered to the app"
        };
        Self {
            name,
            result: result.to_owned(),
            as_expected: arrived,
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "step": self.name, "result": self.result, "as_expected": self.as_expected })
    }
}
