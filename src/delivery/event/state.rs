//! The state of a delivery.

/// The state of a delivery. A store holds the number.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[repr(i16)]
pub enum DeliveryState {
    /// Waits for its next attempt, or is being attempted.
    Pending = 0,
    /// Accepted by its destination.
    Delivered = 1,
    /// A dead letter.
    Dead = 2,
    /// Its seal does not hold.
    Quarantined = 3,
}

impl DeliveryState {
    /// All states.
    pub(crate) const ALL: [Self; 4] = [
        Self::Pending,
        Self::Delivered,
        Self::Dead,
        Self::Quarantined,
    ];

    /// Returns the word for the state.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Quarantined => "quarantined",
        }
    }

    /// Returns the state of a word.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
