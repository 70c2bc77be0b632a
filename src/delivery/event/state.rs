//! The state of a delivery.

/// The state of a delivery. A store holds the number.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize, serde::Deserialize,
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
