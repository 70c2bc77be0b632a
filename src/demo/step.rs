//! What happened in the act of the inbox, step by step, and whether it went as it must.

use serde_json::{Value, json};

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) what: &'static str,
    pub(super) seen: String,
    pub(super) well: bool,
}

impl Step {
    /// An order while nobody listens at the app.
    pub(super) fn kept(status: Option<u16>) -> Self {
        Self::answered("the app is down; an order comes", status, true)
    }

    /// The app listens again.
    pub(super) fn delivered(arrived: bool) -> Self {
        Self::arrived("the app is back", arrived)
    }

    /// An order that the app refuses for good.
    pub(super) fn refused(status: Option<u16>, is_dead: bool) -> Self {
        Self::answered("the app refuses an order for good", status, is_dead)
    }

    /// The dead letter is sent again, and the app takes it.
    pub(super) fn replayed(arrived: bool) -> Self {
        Self::arrived("its dead letter is replayed", arrived)
    }

    fn answered(what: &'static str, status: Option<u16>, well: bool) -> Self {
        let seen = match status {
            Some(200) if well => "200: kept".to_owned(),
            Some(200) => "200, and no dead letter".to_owned(),
            Some(other) => other.to_string(),
            None => "no answer".to_owned(),
        };
        let well = well && status == Some(200);
        Self { what, seen, well }
    }

    fn arrived(what: &'static str, well: bool) -> Self {
        let seen = if well {
            "the app has it"
        } else {
            "the app has NOT got it"
        };
        Self {
            what,
            seen: seen.to_owned(),
            well,
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "step": self.what, "seen": self.seen, "as_it_must": self.well })
    }
}
