//! `fresh` of an endpoint: the maximum age of a delivery by its own signed time.

use std::{sync::LazyLock, time::Duration};

use tower_cartgate::{FreshRule, PointerError};

use crate::config::{
    places::Places,
    setting::{
        definition::{Group, Section, Setting},
        kinds::{duration, pointer, timeout},
        scalar::scalar,
    },
};

/// The maximum age of a delivery by its own signed time.
#[derive(Debug, Clone)]
pub struct FreshPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// A JSON pointer to the time.
    pub pointer: String,
    /// The maximum age.
    pub within: Duration,
    /// How far the time may be ahead of this machine's clock.
    pub skew: Duration,
}

static GROUPS: LazyLock<Vec<Group<FreshPlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "pointer",
            "JSON pointer to the signed time of the payload, RFC 3339 or Unix seconds",
            scalar(pointer(), |fresh: &mut FreshPlan| &mut fresh.pointer),
        )
        .required("the place of the time in the payload, such as \"/sent_at\""),
        Setting::new(
            "within",
            "Maximum age of a delivery",
            scalar(timeout(), |fresh: &mut FreshPlan| &mut fresh.within),
        )
        .required("the maximum age of a delivery, such as \"1h\""),
        Setting::new(
            "skew",
            "Time by which a delivery may be ahead of this machine's clock",
            scalar(duration(), |fresh: &mut FreshPlan| &mut fresh.skew),
        ),
    ];
    vec![Group::new("", settings)]
});

impl FreshPlan {
    /// Returns the rule for requests.
    ///
    /// # Errors
    ///
    /// If the pointer is not a JSON pointer.
    pub fn rule(&self) -> Result<FreshRule, PointerError> {
        Ok(FreshRule::new(&self.pointer, self.within)?.with_skew(self.skew))
    }
}

impl Section for FreshPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            pointer: String::new(),
            within: Duration::ZERO,
            skew: FreshRule::DEFAULT_SKEW,
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }
}
