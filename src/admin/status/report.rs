//! The report of a gate. The admin listener writes it, and `cartgate status` reads it.
//!
//! Times are Unix timestamps in seconds, by the gate's clock. Reports of gates with other versions
//! are accepted: missing fields have their default, and unknown fields are ignored.

use serde::{Deserialize, Serialize};

/// The report of one gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The version of the gate.
    pub version: String,
    /// Identifies the process: another one counts anew.
    pub instance: String,
    /// The rights of the client that requested the report: `look` or `act`.
    pub console: String,
    /// The time of the report.
    pub now: u64,
    /// The start of the gate.
    pub started: u64,
    /// Whether the gate is ready for requests.
    pub ready: bool,
    /// Whether it rejects TLS handshakes because no certificate was issued yet.
    pub no_certificate: bool,
    /// The open problems.
    #[serde(rename = "needs")]
    pub problems: Vec<String>,
    /// Requests without an endpoint.
    pub astray: u64,
    /// The last one.
    pub last_astray: Option<Event>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The destinations.
    pub destinations: Vec<Destination>,
    /// The inbox, if there is one.
    pub inbox: Option<Inbox>,
    /// The certificates of the public listeners.
    pub certificates: Vec<Certificate>,
    /// The last order for a certificate, if it failed.
    pub certificate_order: Option<FailedOrder>,
    /// The receivers of alarms.
    pub alarms: Vec<Alarm>,
    /// Open connections.
    pub connections: Room,
    /// Connections that were rejected because the gate was full.
    pub connections_refused: u64,
    /// Bytes of memory that large bodies use.
    pub memory: Room,
    /// The configuration.
    pub configuration: Configuration,
    /// The sandbox of the process.
    pub sandbox: SandboxState,
    /// Log lines that were dropped because the queue of the log was full.
    pub log_lines_dropped: u64,
}

/// The requests of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// The name.
    pub endpoint: String,
    /// Whether a proxy only asks for verdicts.
    pub verdict: bool,
    /// The time since which its requests are counted: the start of the gate, or the reload that
    /// added the endpoint.
    pub counted_since: u64,
    /// Deliveries that were verified.
    pub verified: u64,
    /// The time of the last one.
    pub last_verified: Option<u64>,
    /// The time of the last one that this gate or one with the same inbox has learned from, also
    /// before the start.
    pub last_delivery: Option<u64>,
    /// The time without a verified delivery, in seconds, that counts as silence: the configured one,
    /// or the one learned from the rhythm of deliveries.
    pub silence_limit: Option<u64>,
    /// Requests that were rejected.
    pub rejected: u64,
    /// The last one.
    pub last_rejected: Option<Event>,
    /// Signatures that did not match since the last verified delivery.
    pub mismatches: u64,
    /// The time of the first of them.
    pub mismatches_since: Option<u64>,
    /// Verified deliveries that the destination did not accept.
    pub not_taken: u64,
    /// The last one.
    pub last_not_taken: Option<Event>,
    /// Stored deliveries whose `unique` value identifies nothing.
    pub unidentified: u64,
    /// The last one.
    pub last_unidentified: Option<Event>,
    /// The saved rejections that verified later; none if there are none.
    pub late: Option<Late>,
    /// The secrets, newest first.
    pub secrets: Vec<Secret>,
    /// Pointers that always occurred in the payloads, and are missing.
    pub missing_pointers: Vec<MissingPointer>,
}

/// The saved rejections of an endpoint that verified later, because the gate learned a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Late {
    /// All of them, without copies.
    pub rejected: u64,
    /// Those that were delivered.
    pub delivered: u64,
    /// Those that wait for their app or the inbox.
    pub waiting: u64,
    /// Those that another rule of the endpoint rejects.
    pub refused: u64,
    /// Further rejections with the body of another delivery, which are not delivered.
    pub copies: u64,
    /// The reason why the first one that waits was not delivered.
    pub trouble: Option<String>,
}

impl Late {
    /// Returns the result in words.
    pub(super) fn words(&self) -> String {
        let Self {
            rejected,
            delivered,
            ..
        } = self;
        let mut words = format!(
            "{delivered} of {rejected} deliveries rejected during the rotation were delivered"
        );
        for (number, what) in [
            (self.waiting, "wait"),
            (self.refused, "rejected by another rule"),
            (self.copies, "copies left out"),
        ] {
            if number > 0 {
                words += &format!(", {number} {what}");
            }
        }
        words
    }
}

/// A pointer that always occurred in the payloads of an endpoint, and is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MissingPointer {
    /// The kind of the events without it.
    pub kind: String,
    /// The JSON pointer; empty if the payloads are no JSON any more.
    pub pointer: String,
    /// The time at which its absence was noticed.
    pub since: u64,
    /// The payloads that had it.
    pub bodies: u64,
    /// The payloads without it since then.
    pub absent: u64,
}

/// The matches of a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secret {
    /// The name.
    pub secret: String,
    /// Deliveries that the secret verified.
    pub matched: u64,
    /// The time of the last one.
    pub last_matched: Option<u64>,
    /// The time since which the matches are counted: the start of the gate, or the reload that
    /// added the secret.
    pub counted_since: u64,
    /// Saved rejections that it verifies, and that wait for their app or the inbox.
    pub late_waiting: u64,
}

/// The messages to a receiver of alarms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alarm {
    /// The name.
    pub alarm: String,
    /// Messages that it accepted.
    pub sent: u64,
    /// The time of the last one.
    pub last_sent: Option<u64>,
    /// Attempts that failed.
    pub failed: u64,
    /// The time since which every attempt has failed.
    pub failing_since: Option<u64>,
    /// Messages that were given up.
    pub dropped: u64,
}

/// The attempts at a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// The name.
    pub destination: String,
    /// Whether deliveries wait for it in the inbox.
    pub durable: bool,
    /// Deliveries that the destination accepted with a 2xx.
    pub taken: u64,
    /// The time of the last one.
    pub last_taken: Option<u64>,
    /// Attempts that failed.
    pub failed: u64,
    /// The last one.
    pub last_failed: Option<Event>,
}

/// The content of the inbox, at most a few seconds old.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inbox {
    /// The reason why events cannot be stored, or why the content is unknown.
    pub trouble: Option<String>,
    /// The stored events.
    pub events: Room,
    /// The bytes of their bodies and heads.
    pub bytes: Room,
    /// The queue of each destination.
    pub waiting: Vec<Waiting>,
}

/// The queue of one destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// The name of the destination; empty for events without one.
    pub destination: String,
    /// Whether the destination is configured. The gate attempts no deliveries to others.
    pub configured: bool,
    /// The time since which the destination is down, as far as this gate knows. Its deliveries wait
    /// until it is back.
    pub down_since: Option<u64>,
    /// The time since which the destination is not down, as far as this gate knows.
    pub up_since: Option<u64>,
    /// Deliveries that wait or are in an attempt.
    pub pending: u64,
    /// The time at which the oldest of them was received.
    pub oldest: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// Deliveries with a broken seal.
    pub quarantined: u64,
}

/// The last event of a kind, and its reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// The time.
    pub at: u64,
    /// The reason, in the words of the log and the metrics.
    pub reason: String,
}

/// A certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// The path of the certificate.
    pub certificate: String,
    /// The time from which it is valid.
    pub begins: u64,
    /// The time of its expiry.
    pub ends: u64,
}

/// An order for a certificate that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailedOrder {
    /// The orders that failed since the last one that succeeded.
    pub failures: u64,
    /// The reason for the last failure.
    pub reason: String,
    /// The time of the next attempt.
    pub next: u64,
}

/// The use of a limited resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Room {
    /// The amount in use.
    pub taken: u64,
    /// The limit.
    pub limit: u64,
}

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// The time since which it is in force.
    pub since: u64,
    /// The time of the last reload, if it failed.
    pub failed: Option<u64>,
    /// The cause of the last reload: `signal`, `api` or `watch`.
    pub trigger: Option<String>,
    /// Whether a change of its files causes a reload.
    pub watch: bool,
}

/// The sandbox of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SandboxState {
    /// `enforced`, `partly` or `off`; empty if the gate is of a version without one.
    pub state: String,
    /// The parts that the kernel does not enforce.
    pub missing: Vec<String>,
}
