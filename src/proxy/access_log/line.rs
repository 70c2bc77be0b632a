//! The line of one request in the access log.

use std::{borrow::Cow, time::Duration};

use http::Method;
use tower_cartgate::HeaderForm;
use uuid::Uuid;

use crate::{
    destination::Destination,
    net::peer::Peer,
    outcome::{reject_reason::NotStored, shared_reasons},
    proxy::verdict::Verdict,
    telemetry::log::{TARGET, Throttle},
};

/// The duration from which a response is worth a warning. The timeout of Cartfunnel is unknown;
/// similar senders wait for 5 s.
const SLOW: Duration = Duration::from_secs(4);

/// The bytes of a path that a line shows.
const PATH: usize = 128;

/// The bytes of a method that a line shows, which is more than any registered method has.
const METHOD: usize = 32;

/// The facts about a request that has ended.
pub(crate) struct Line<'a> {
    pub(crate) verdict: Verdict<'a>,
    pub(crate) id: Uuid,
    pub(crate) endpoint: Option<&'a str>,
    /// The destination of a direct endpoint.
    pub(crate) destination: Option<&'a Destination>,
    /// None if the client left before the response.
    pub(crate) status: Option<u16>,
    /// The number of body bytes that arrived.
    pub(crate) received: u64,
    /// The declared length of the body.
    pub(crate) declared: Option<u64>,
    /// The form of the signature header, and the length of its value.
    pub(crate) signature: Option<(HeaderForm, usize)>,
    /// The likely mistake in the configuration of a proxy that asks for verdicts.
    pub(crate) hint: Option<&'static str>,
    pub(crate) duration: Duration,
    pub(crate) peer: Peer,
    pub(crate) method: Option<&'a Method>,
    pub(crate) path: Option<Path<'a>>,
}

/// A path for the log. It is escaped, so that it can neither break a line nor control a terminal,
/// and truncated. It never contains the query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a>(pub(crate) &'a str);

impl<'a> Path<'a> {
    /// Returns the text for the log.
    fn shown(self) -> Cow<'a, str> {
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\\\"'".contains(byte);
        let bytes = self.0.as_bytes();
        if bytes.len() <= PATH && bytes.iter().all(is_plain) {
            return Cow::Borrowed(self.0);
        }
        let shown = &bytes[..bytes.len().min(PATH)];
        let cut = if shown.len() < bytes.len() { "..." } else { "" };
        Cow::Owned(format!("{}{cut}", shown.escape_ascii()))
    }
}

/// Returns a method for the log. A method can be any token of the length of a head; a token needs
/// no escaping.
fn short(method: &Method) -> Cow<'_, str> {
    let text = method.as_str();
    match text.get(..METHOD) {
        Some(shown) if shown.len() < text.len() => Cow::Owned(format!("{shown}...")),
        _ => Cow::Borrowed(text),
    }
}

/// Shows an optional value. The line leaves out a missing one.
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
            delivery = &*$line.id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()),
            peer = $line.peer.text().as_str(),
            method = $line.method.map(short).as_deref(),
            path = $line.path.map(Path::shown).as_deref(),
        )
    };
}

impl Line<'_> {
    /// Writes the line at the level of its verdict. `throttle` limits the lines that any client can
    /// cause.
    pub(crate) fn write(&self, throttle: &Throttle) {
        match self.verdict {
            Verdict::Accepted { secret } if self.duration > SLOW => line!(
                warn,
                self,
                verdict = "verified",
                reason = shared_reasons::SLOW,
                secret = secret.as_ref(),
            ),
            Verdict::Accepted { secret } => {
                line!(info, self, verdict = "verified", secret = secret.as_ref(),);
            }
            // A client that replays one captured delivery must not fill the log: its event is
            // stored already.
            Verdict::NotAccepted { secret, reason, .. } if reason == NotStored::Copies.reason() => {
                if throttle.allows() {
                    line!(
                        warn,
                        self,
                        verdict = "verified",
                        reason,
                        taken = false,
                        secret = secret.as_ref(),
                    );
                }
            }
            Verdict::NotAccepted {
                secret,
                reason,
                cause,
            } => line!(
                error,
                self,
                verdict = "verified",
                reason,
                taken = false,
                cause,
                destination = self.destination.map(|one| &*one.name),
                address = shown!(self.destination.map(|one| one.address().transport())),
                secret = secret.as_ref(),
            ),
            Verdict::Stored { secret, stored, .. } if stored.left_out => {
                if throttle.allows() {
                    line!(
                        warn,
                        self,
                        verdict = "verified",
                        reason = NotStored::Copies.reason(),
                        stored = true,
                        copy = stored.copy,
                        duplicate_of = shown!(stored.duplicate_of),
                        secret = secret.as_ref(),
                    );
                }
            }
            // A client can replay one captured delivery under `unique` at any rate.
            Verdict::Duplicate { secret, of } => {
                if throttle.allows() {
                    line!(
                        info, self, verdict = "verified", stored = false, duplicate_of = %of, secret = secret.as_ref(),
                    );
                }
            }
            Verdict::Stored { .. } | Verdict::ClientLeft { .. } => self.write_stored(),
            Verdict::Rejected { reason } if throttle.allows() => line!(
                warn,
                self,
                verdict = "rejected",
                reason,
                header = self.signature.map(|(form, _)| form.as_str()),
                header_length = self.signature.map(|(_, length)| length),
                declared = self.declared,
                hint = self.hint,
            ),
            Verdict::Rejected { .. } => {}
        }
    }
}

impl Line<'_> {
    /// Writes the line of an event that the inbox has, or will have.
    fn write_stored(&self) {
        match self.verdict {
            Verdict::Stored {
                secret,
                stored,
                dead: Some(reason),
            } => line!(
                warn,
                self,
                verdict = "verified",
                reason,
                stored = true,
                copy = stored.copy,
                secret = secret.as_ref(),
            ),
            Verdict::Stored { secret, stored, .. } if self.duration > SLOW => line!(
                warn,
                self,
                verdict = "verified",
                reason = shared_reasons::SLOW,
                stored = true,
                copy = stored.copy,
                duplicate_of = shown!(stored.duplicate_of),
                secret = secret.as_ref(),
            ),
            Verdict::Stored { secret, stored, .. } => line!(
                info,
                self,
                verdict = "verified",
                stored = true,
                copy = stored.copy,
                duplicate_of = shown!(stored.duplicate_of),
                secret = secret.as_ref(),
            ),
            Verdict::ClientLeft { secret } => line!(
                warn,
                self,
                verdict = "verified",
                reason = shared_reasons::CLIENT_GONE,
                secret = secret.as_ref(),
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
        inbox::intake_meter::Unidentified,
        outcome::reject_reason::{AttemptFailure, RejectReason},
    };

    /// Returns each reason that a line can have.
    fn reasons() -> BTreeSet<&'static str> {
        let by_handlers = [RejectionKind::InvalidPayload, RejectionKind::MissingLayer];
        let kinds = RejectionKind::ALL.iter();
        let kinds =
            kinds.filter(|kind| !by_handlers.contains(kind) && **kind != RejectionKind::Stale);
        kinds
            .map(|kind| kind.as_str())
            .chain(RejectReason::WITHOUT_ENDPOINT)
            .chain(RejectReason::STALE)
            .chain([RejectReason::Query, RejectReason::PartialBody].map(|one| one.reason()))
            .chain(AttemptFailure::ALL.map(AttemptFailure::reason))
            .chain(NotStored::ALL.map(NotStored::reason))
            .chain([
                shared_reasons::DESTINATION_ANSWERED,
                shared_reasons::CLIENT_GONE,
                shared_reasons::SLOW,
            ])
            .chain([
                Subscribers::KIND_NOT_PERMITTED,
                Subscribers::NO_SUBSCRIBER,
                shared_reasons::GONE,
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
        assert_eq!(Path("/a\u{1b}[31m\n").shown(), "/a\\x1b[31m\\n");
        for plain in ["/a", "/a'b", "/a\"b", "/a\\b", "/\u{7f}", "/ü"] {
            let expected = plain.as_bytes().escape_ascii().to_string();
            assert_eq!(Path(plain).shown(), expected);
        }
        let long = "/".repeat(PATH + 1);
        assert_eq!(Path(&long).shown().len(), PATH + 3);
        assert_eq!(Path(&long[1..]).shown(), long[1..]);
    }

    #[test]
    fn a_long_method_is_cut() {
        let method = |length| Method::from_bytes(&vec![b'A'; length]).expect("a token");
        assert_eq!(short(&method(METHOD)), "A".repeat(METHOD));
        let expected = format!("{}...", "A".repeat(METHOD));
        assert_eq!(short(&method(METHOD + 1)), expected);
    }
}
