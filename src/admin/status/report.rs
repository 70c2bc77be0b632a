//! What a gate says of itself, as the admin listener writes it and `cartgate status` reads it. Times
//! are seconds since the beginning of 1970 by the gate's clock. Gates of other versions are read, too:
//! what one does not say is nought, and what it says beyond this is left out.

use serde::{Deserialize, Serialize};

/// One gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Its version.
    pub version: String,
    /// When it wrote this.
    pub now: u64,
    /// When it started.
    pub started: u64,
    /// Whether requests are to be sent to it.
    pub ready: bool,
    /// What a person has to look at; nothing if all is well.
    pub needs: Vec<String>,
    /// Requests that found no endpoint.
    pub astray: u64,
    /// The last one.
    pub last_astray: Option<Event>,
    /// What is counted by endpoint.
    pub endpoints: Vec<Endpoint>,
    /// What is counted by destination.
    pub destinations: Vec<Destination>,
    /// Its inbox, if it has one.
    pub inbox: Option<Inbox>,
    /// The certificates that it shows.
    pub certificates: Vec<Certificate>,
    /// Open connections.
    pub connections: Room,
    /// Connections that found no place.
    pub connections_refused: u64,
    /// Bytes that large bodies hold.
    pub memory: Room,
    /// Its configuration.
    pub configuration: Configuration,
    /// Log lines that found the log's queue full.
    pub log_lines_dropped: u64,
}

/// What became of an endpoint's requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Its name.
    pub endpoint: String,
    /// Deliveries that were verified.
    pub verified: u64,
    /// When the last one was.
    pub last_verified: Option<u64>,
    /// Requests that were refused.
    pub rejected: u64,
    /// The last one.
    pub last_rejected: Option<Event>,
    /// Signatures that did not match, since the last delivery that was verified.
    pub mismatches: u64,
    /// When the first of them came.
    pub mismatches_since: Option<u64>,
    /// Verified deliveries that its destination did not take.
    pub not_taken: u64,
    /// The last one.
    pub last_not_taken: Option<Event>,
    /// Stored deliveries whose `unique` value identifies nothing.
    pub unidentified: u64,
    /// The last one.
    pub last_unidentified: Option<Event>,
    /// Its secrets, the newest first.
    pub secrets: Vec<Secret>,
}

/// How often a secret matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secret {
    /// Its name.
    pub secret: String,
    /// Deliveries that it verified.
    pub matched: u64,
    /// When it verified the last one.
    pub last_matched: Option<u64>,
    /// Since when this is counted: the gate's start, or when the gate came to know the secret.
    pub counted_since: u64,
}

/// What became of the attempts at a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// Its name.
    pub destination: String,
    /// Deliveries that it took, by a 2xx.
    pub taken: u64,
    /// When it took the last one.
    pub last_taken: Option<u64>,
    /// Attempts that came to nothing.
    pub failed: u64,
    /// The last one.
    pub last_failed: Option<Event>,
}

/// What the inbox holds, as it was a few seconds ago at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inbox {
    /// Why events cannot be kept, or nobody knows what it holds.
    pub trouble: Option<String>,
    /// Events.
    pub events: Room,
    /// Bytes of bodies and heads.
    pub bytes: Room,
    /// What waits for each destination.
    pub waiting: Vec<Waiting>,
}

/// What waits for one destination, and what came to nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// Its name; empty for events that no destination wants.
    pub destination: String,
    /// Whether it is configured: for others nothing is delivered.
    pub configured: bool,
    /// Since when it is down, as far as this gate knows: then its deliveries wait until it is back.
    pub down_since: Option<u64>,
    /// Deliveries that wait, or are under way.
    pub pending: u64,
    /// When the oldest of them was received.
    pub oldest: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// Deliveries whose seal did not hold.
    pub quarantined: u64,
}

/// Something that happened, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// When.
    pub at: u64,
    /// One of the words of the log and the metrics.
    pub reason: String,
}

/// A certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Certificate {
    /// What its operator knows it by.
    pub certificate: String,
    /// When it ends.
    pub ends: u64,
}

/// How much of something is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Room {
    /// So much is.
    pub taken: u64,
    /// So much can be.
    pub limit: u64,
}

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// Since when it is in force.
    pub since: u64,
    /// When a changed one could last not be used, if it has not been put right since.
    pub failed: Option<u64>,
}
