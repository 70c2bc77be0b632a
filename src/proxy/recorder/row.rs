//! The row of one request, as lists and streams show it.

use std::{sync::OnceLock, time::Duration};

use serde::{Serialize, Serializer};
use tower_cartgate::{Event, EventKind, EventSource, SecretName};
use uuid::Uuid;

use crate::{
    delivery::shortened,
    outcome::reject_reason::NotStored,
    proxy::{access_log::line::Line, verdict::Verdict},
    runtime::clock::{Millis, system_time},
    text::rfc3339,
};

/// The bytes of a path that a row shows.
const PATH: usize = 256;

/// The bytes of a method that a row shows.
const METHOD: usize = 32;

/// The facts about a request that has ended. It contains no query, body or credential.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: Uuid,
    /// The time at which the head had been read.
    #[serde(serialize_with = "rfc3339")]
    pub(crate) at: Millis,
    pub(crate) verdict: RowVerdict,
    pub(crate) reason: Option<&'static str>,
    /// The doctor's word for the cause of a mismatch, once it is known.
    #[serde(serialize_with = "known")]
    pub(crate) cause: OnceLock<&'static str>,
    pub(crate) endpoint: Option<String>,
    pub(crate) kind: Option<&'static str>,
    pub(crate) status: Option<u16>,
    /// The number of body bytes that arrived.
    pub(crate) bytes: u64,
    pub(crate) ms: f64,
    pub(crate) secret: Option<String>,
    pub(crate) peer: String,
    pub(crate) method: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) destination: Option<String>,
    pub(crate) copy: Option<u32>,
    pub(crate) duplicate_of: Option<Uuid>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RowVerdict {
    /// The destination accepted it.
    Accepted,
    /// The inbox stored it.
    Stored,
    /// The inbox dropped it as a duplicate.
    Duplicate,
    /// It was verified, but not accepted.
    Failed,
    /// The gate rejected it.
    Rejected,
    /// It was verified, and its client left before the inbox had stored it.
    ClientLeft,
}

impl Row {
    /// Makes the row of a request from its line in the access log.
    pub(super) fn of(line: &Line<'_>, kind: Option<&'static str>) -> Self {
        let facts = Facts::of(line.verdict);
        let method = line.method.map(|method| shortened(method.as_str(), METHOD));
        Self {
            id: line.id,
            at: began(line.id),
            verdict: facts.verdict,
            reason: facts.reason,
            cause: OnceLock::new(),
            endpoint: line.endpoint.map(str::to_owned),
            kind,
            status: line.status,
            bytes: line.received,
            ms: milliseconds(line.duration),
            secret: facts.secret.map(ToString::to_string),
            peer: line.peer.to_string(),
            method,
            path: line.path.map(|path| shortened(path.0, PATH)),
            destination: line.destination.map(|one| one.name.to_string()),
            copy: facts.copy,
            duplicate_of: facts.duplicate_of,
        }
    }
}

impl RowVerdict {
    /// Every verdict.
    pub(crate) const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Stored,
        Self::Duplicate,
        Self::Failed,
        Self::Rejected,
        Self::ClientLeft,
    ];

    /// Returns the word in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::ClientLeft => "client-left",
        }
    }
}

/// Returns the kind of an event. Without an event rule it is unknown.
pub(super) fn kind(event: Event) -> Option<&'static str> {
    let is_known = (event.kind, event.source) != (EventKind::Other, EventSource::Endpoint);
    is_known.then(|| event.kind.as_str())
}

/// The part of a row that its verdict states.
struct Facts<'a> {
    verdict: RowVerdict,
    reason: Option<&'static str>,
    secret: Option<&'a SecretName>,
    copy: Option<u32>,
    duplicate_of: Option<Uuid>,
}

impl<'a> Facts<'a> {
    fn new(verdict: RowVerdict) -> Self {
        Self {
            verdict,
            reason: None,
            secret: None,
            copy: None,
            duplicate_of: None,
        }
    }

    fn of(verdict: Verdict<'a>) -> Self {
        match verdict {
            Verdict::Accepted { secret } => Self {
                secret: Some(secret),
                ..Self::new(RowVerdict::Accepted)
            },
            Verdict::NotAccepted { secret, reason, .. } => Self {
                secret: Some(secret),
                reason: Some(reason),
                ..Self::new(RowVerdict::Failed)
            },
            Verdict::Stored {
                secret,
                stored,
                dead,
            } => {
                let left_out = stored.left_out.then(|| NotStored::Copies.reason());
                Self {
                    secret: Some(secret),
                    reason: dead.or(left_out),
                    copy: Some(stored.copy),
                    duplicate_of: stored.duplicate_of,
                    ..Self::new(RowVerdict::Stored)
                }
            }
            Verdict::Duplicate { secret, of } => Self {
                secret: Some(secret),
                duplicate_of: Some(of),
                ..Self::new(RowVerdict::Duplicate)
            },
            Verdict::ClientLeft { secret } => Self {
                secret: Some(secret),
                ..Self::new(RowVerdict::ClientLeft)
            },
            Verdict::Rejected { reason } => Self {
                reason: Some(reason),
                ..Self::new(RowVerdict::Rejected)
            },
        }
    }
}

/// Returns the time in the id of a request.
fn began(id: Uuid) -> Millis {
    let (seconds, nanos) = id.get_timestamp().map_or((0, 0), |at| at.to_unix());
    let millis = seconds.saturating_mul(1000) + u64::from(nanos / 1_000_000);
    Millis::try_from(millis).unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn rfc3339<S: Serializer>(at: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339::millis(system_time(*at)))
}

fn known<S: Serializer>(cause: &OnceLock<&'static str>, serializer: S) -> Result<S::Ok, S::Error> {
    cause.get().serialize(serializer)
}
