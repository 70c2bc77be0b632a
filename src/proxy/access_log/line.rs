//! One request's line in the log.

use std::{fmt, time::Duration};

use http::Method;
use tower_cartgate::{HeaderForm, SecretName};
use uuid::Uuid;

use crate::{
    delivery::event::Stored,
    destination::Destination,
    net::peer::Peer,
    outcome::{reason, reject_reason::NotStored},
    telemetry::log::{TARGET, Throttle},
};

/// An answer that begins later than this is worth a warning: how long Cartfunnel waits is unknown,
/// and others of its kind wait for 5 s.
const SLOW: Duration = Duration::from_secs(4);

/// How much of a path is shown.
const PATH: usize = 128;

/// How much of a method is shown: more than any that is registered has.
const METHOD: usize = 32;

/// What is said of a request.
pub(crate) struct Line<'a> {
    pub(crate) verdict: Verdict<'a>,
    pub(crate) id: Uuid,
    pub(crate) endpoint: Option<&'a str>,
    /// Where the endpoint hands deliveries over at once.
    pub(crate) destination: Option<&'a Destination>,
    /// None if the client was gone before its answer.
    pub(crate) status: Option<u16>,
    /// Body bytes read.
    pub(crate) received: u64,
    /// The body's length as declared.
    pub(crate) declared: Option<u64>,
    /// What the signature header looked like, and its length.
    pub(crate) form: Option<(HeaderForm, usize)>,
    pub(crate) duration: Duration,
    pub(crate) peer: Peer,
    pub(crate) method: Option<&'a Method>,
    pub(crate) path: Option<Path<'a>>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict<'a> {
    /// Verified, and taken by its destination.
    Taken { secret: &'a SecretName },
    /// Verified, but its destination did not take it: a person has to look.
    NotTaken {
        secret: &'a SecretName,
        reason: &'static str,
        cause: Option<&'a str>,
    },
    /// Verified, and committed by the inbox.
    Kept {
        secret: &'a SecretName,
        stored: Stored,
        /// Why it is a dead letter from the start: a person has to look.
        dead: Option<&'static str>,
    },
    /// Verified, and dropped: every destination has an event with its unique value, or will get one.
    Duplicate { secret: &'a SecretName, of: Uuid },
    /// Verified, and on its way into the inbox when its client went: a line of its own will say what became of it.
    Left { secret: &'a SecretName },
    /// Never reached a destination.
    Rejected { reason: &'static str },
}

impl Verdict<'_> {
    /// The reason where a destination answered, but did not take the delivery.
    pub(crate) const ANSWERED: &'static str = reason::DESTINATION_ANSWERED;

    /// The reason where the answer began late.
    pub(crate) const SLOW: &'static str = reason::SLOW;

    /// The reason where nobody was left to answer.
    pub(crate) const CLIENT_GONE: &'static str = reason::CLIENT_GONE;
}

/// A path as a log shows it: escaped, so that it can neither break a line nor steer a terminal, and
/// cut. The query never comes here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a>(pub(crate) &'a str);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_bytes();
        let shown = &bytes[..bytes.len().min(PATH)];
        write!(f, "{}", shown.escape_ascii())?;
        if shown.len() < bytes.len() {
            f.write_str("...")
        } else {
            Ok(())
        }
    }
}

/// A method as a log shows it: any token can be one, as long as a head. A token needs no escaping.
struct Name<'a>(&'a Method);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.as_str();
        match text.get(..METHOD) {
            Some(shown) if shown.len() < text.len() => write!(f, "{shown}..."),
            _ => f.write_str(text),
        }
    }
}

/// Optional values, left out of the line where there are none.
macro_rules! shown {
    ($value:expr) => {
        $value.as_ref().map(tracing::field::display)
    };
}

macro_rules! line {
    ($level:ident, $line:expr, $($field:tt)*) => {
        tracing::$level!(
            target: TARGET,
            $($field)*
            endpoint = $line.endpoint,
            status = $line.status,
            bytes = $line.received,
            ms = milliseconds($line.duration),
            delivery = %$line.id,
            peer = %$line.peer,
            method = shown!($line.method.map(Name)),
            path = shown!($line.path),
        )
    };
}

impl Line<'_> {
    pub(crate) fn write(&self, throttle: &Throttle) {
        match self.verdict {
            Verdict::Taken { secret } if self.duration > SLOW => line!(
                warn, self, verdict = "verified", reason = Verdict::SLOW, %secret,
            ),
            Verdict::Taken { secret } => line!(info, self, verdict = "verified", %secret,),
            // Whoever replays one captured delivery must not fill the log: that one is stored many times over.
            Verdict::NotTaken { secret, reason, .. } if reason == NotStored::Copies.reason() => {
                if throttle.allows() {
                    line!(
                        warn, self, verdict = "verified", reason, taken = false, %secret,
                    );
                }
            }
            Verdict::NotTaken {
                secret,
                reason,
                cause,
            } => line!(
                error, self, verdict = "verified", reason, taken = false, cause,
                destination = self.destination.map(|one| &*one.name),
                address = shown!(self.destination.map(|one| one.address().transport())),
                %secret,
            ),
            Verdict::Kept { secret, stored, .. } if stored.left_out => {
                if throttle.allows() {
                    line!(
                        warn, self, verdict = "verified", reason = NotStored::Copies.reason(), kept = true,
                        copy = stored.copy, duplicate_of = shown!(stored.duplicate_of), %secret,
                    );
                }
            }
            // The same client can replay one captured delivery under `unique` as fast as it likes.
            Verdict::Duplicate { secret, of } => {
                if throttle.allows() {
                    line!(
                        info, self, verdict = "verified", kept = false, duplicate_of = %of, %secret,
                    );
                }
            }
            Verdict::Kept { .. } | Verdict::Left { .. } => self.write_kept(),
            Verdict::Rejected { reason } if throttle.allows() => line!(
                warn,
                self,
                verdict = "rejected",
                reason,
                header = shown!(self.form.map(|(form, _)| form)),
                header_length = self.form.map(|(_, length)| length),
                declared = self.declared,
            ),
            Verdict::Rejected { .. } => {}
        }
    }
}

impl Line<'_> {
    /// The line of what the inbox has, or will have.
    fn write_kept(&self) {
        match self.verdict {
            Verdict::Kept {
                secret,
                stored,
                dead: Some(reason),
            } => line!(
                warn, self, verdict = "verified", reason, kept = true, copy = stored.copy, %secret,
            ),
            Verdict::Kept { secret, stored, .. } if self.duration > SLOW => line!(
                warn, self, verdict = "verified", reason = Verdict::SLOW, kept = true, copy = stored.copy,
                duplicate_of = shown!(stored.duplicate_of), %secret,
            ),
            Verdict::Kept { secret, stored, .. } => line!(
                info, self, verdict = "verified", kept = true, copy = stored.copy,
                duplicate_of = shown!(stored.duplicate_of), %secret,
            ),
            Verdict::Left { secret } => line!(
                warn, self, verdict = "verified", reason = Verdict::CLIENT_GONE, %secret,
            ),
            _ => {}
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeSet;

    use tower_cartgate::RejectionKind;

    use crate::{
        delivery::event::Subscribers,
        inbox::intake::Unidentified,
        outcome::reject_reason::{AttemptFailure, RejectReason},
    };

    /// Each reason that a line can have.
    fn reasons() -> BTreeSet<&'static str> {
        let by_handlers = [RejectionKind::InvalidPayload, RejectionKind::MissingLayer];
        let kinds = RejectionKind::ALL.iter();
        let kinds =
            kinds.filter(|kind| !by_handlers.contains(kind) && **kind != RejectionKind::Stale);
        kinds
            .map(|kind| kind.as_str())
            .chain(RejectReason::WITHOUT_ENDPOINT)
            .chain(RejectReason::STALE)
            .chain([RejectReason::Query.reason()])
            .chain(AttemptFailure::ALL.map(AttemptFailure::reason))
            .chain(NotStored::ALL.map(NotStored::reason))
            .chain([Verdict::ANSWERED, Verdict::CLIENT_GONE, Verdict::SLOW])
            .chain([
                Subscribers::KIND_NOT_PERMITTED,
                Subscribers::NO_SUBSCRIBER,
                reason::GONE,
            ])
            .chain(Unidentified::ALL.map(Unidentified::reason))
            .collect()
    }

    #[test]
    fn the_page_on_the_log_lists_each_reason() {
        let page = include_str!("../../../docs/log.md");
        let section = page.split_once("## Reasons").expect("the heading").1;
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter_map(|row| row.strip_prefix("| `"));
        let listed: BTreeSet<_> = rows
            .filter_map(|row| Some(row.split_once('`')?.0))
            .collect();
        assert_eq!(listed, reasons());
    }

    #[test]
    fn a_path_cannot_break_a_line_or_steer_a_terminal() {
        assert_eq!(Path("/a\u{1b}[31m\n").to_string(), "/a\\x1b[31m\\n");
        let long = "/".repeat(PATH + 1);
        assert_eq!(Path(&long).to_string().len(), PATH + 3);
    }
}
