//! A finished attempt as an operator sees it.

use serde::{Deserialize, Serialize};

use super::time;
use crate::{
    delivery::seal::Sealer,
    inbox::finished_attempt::{AttemptResult, FinishedAttempt},
    runtime::clock::Millis,
};

/// One finished attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AttemptDetails {
    pub(crate) destination: String,
    pub(crate) number: u32,
    #[serde(with = "time")]
    pub(crate) started: Millis,
    /// The duration in milliseconds.
    pub(crate) ms: f64,
    pub(crate) result: AttemptResult,
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    /// The first line of the response of a failed attempt.
    pub(crate) response: Option<String>,
}

impl AttemptDetails {
    /// Describes an attempt. Only a sealer shows the response.
    pub(super) fn new(attempt: FinishedAttempt, sealer: Option<&Sealer>) -> Self {
        let response = sealer.zip(attempt.response);
        let response = response.and_then(|(sealer, stored)| sealer.read_note(&stored));
        Self {
            destination: attempt.destination.to_string(),
            number: attempt.number,
            started: attempt.started,
            ms: (attempt.took.as_secs_f64() * 1e6).round() / 1e3,
            result: attempt.result,
            status: attempt.status,
            reason: attempt.reason.map(str::to_owned),
            response: response.map(|text| String::from_utf8_lossy(&text).into_owned()),
        }
    }
}
