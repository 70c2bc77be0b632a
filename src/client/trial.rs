//! Tests a gate with forgeries, and judges its responses.

use std::fmt;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::{
    forgery::Unforgeable, forgery_kind::ForgeryKind, response::ResponseSummary,
    send_error::SendError,
};

/// A forgery and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    kind: &'static str,
    expected: &'static str,
    status: Option<u16>,
    verdict: TrialVerdict,
    #[serde(rename = "words")]
    explanation: String,
}

/// The meaning of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrialVerdict {
    /// It was rejected as a forgery.
    Rejected,
    /// It got in.
    GotIn,
    /// It is genuine by the scheme, so every response is right.
    Genuine,
    /// Another check rejected it, so the signature was not judged.
    Unclear,
    /// Nothing was sent, because the body does not allow this kind.
    NotSent,
}

impl Row {
    /// Judges the response to a forgery.
    #[must_use]
    pub fn of(kind: ForgeryKind, outcome: &Result<ResponseSummary, SendError>) -> Self {
        let (verdict, explanation) = match outcome {
            Ok(response) if kind.is_genuine_by_the_scheme() => {
                (TrialVerdict::Genuine, replayed(response).to_owned())
            }
            Ok(response) => judge(response),
            Err(reason) => (TrialVerdict::Unclear, reason.to_string()),
        };
        let status = outcome
            .as_ref()
            .ok()
            .map(|response| response.status.as_u16());
        Self::new(kind, status, verdict, explanation)
    }

    /// Creates the row of a kind that the body does not allow.
    #[must_use]
    pub fn not_sent(kind: ForgeryKind, reason: Unforgeable) -> Self {
        Self::new(kind, None, TrialVerdict::NotSent, reason.to_string())
    }

    fn new(
        kind: ForgeryKind,
        status: Option<u16>,
        verdict: TrialVerdict,
        explanation: String,
    ) -> Self {
        let expected = if kind.is_genuine_by_the_scheme() {
            "2xx"
        } else {
            "401"
        };
        Self {
            kind: kind.as_str(),
            expected,
            status,
            verdict,
            explanation,
        }
    }

    /// Returns the expected status: that of a rejection, or of a delivery that an app accepts.
    #[must_use]
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// Returns the meaning of the response.
    #[must_use]
    pub fn verdict(&self) -> TrialVerdict {
        self.verdict
    }

    /// Returns the reason for the verdict; empty for a forgery that was rejected as one.
    #[must_use]
    pub fn explanation(&self) -> &str {
        &self.explanation
    }

    /// Returns whether the result is right, or at least not wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        !matches!(self.verdict, TrialVerdict::GotIn | TrialVerdict::Unclear)
    }

    /// Returns whether the forgery got in.
    #[must_use]
    pub fn got_in(&self) -> bool {
        self.verdict == TrialVerdict::GotIn
    }

    /// Returns whether a delivery that is genuine by the scheme was rejected like a forgery. The
    /// rejections then prove little.
    #[must_use]
    pub fn is_rejected_genuine(&self) -> bool {
        self.verdict == TrialVerdict::Genuine && self.status == Some(401)
    }
}

fn judge(response: &ResponseSummary) -> (TrialVerdict, String) {
    let status = response.status;
    let got_in = |text: &str| (TrialVerdict::GotIn, text.to_owned());
    let unclear = |text: &str| (TrialVerdict::Unclear, format!("not judged: {text}"));
    if status.is_success() {
        return got_in("it was accepted");
    }
    if response.is_from_app_behind_gate() {
        return got_in("the app behind the gate responded");
    }
    match status.as_u16() {
        400 | 401 | 403 => (TrialVerdict::Rejected, String::new()),
        // The gate responds so only after it has accepted the signature.
        422 | 502 | 504 if response.is_from_gate() => got_in("the gate accepted the signature"),
        404 => unclear("there is no such endpoint"),
        405 => unclear("the endpoint does not allow this method"),
        413 => unclear("the body is over the endpoint's limit"),
        429 => unclear("too many requests"),
        503 => unclear("the server is busy or not ready"),
        502 | 504 => unclear("a proxy did not reach its server"),
        300..=399 => unclear("it was redirected"),
        500..=599 => unclear("the server failed"),
        _ => unclear("this status does not concern the signature"),
    }
}

fn replayed(response: &ResponseSummary) -> &'static str {
    match response.status.as_u16() {
        200..=299 => "the scheme does not sign the method",
        405 => "the endpoint allows only the other method",
        401 => "rejected although its signature is genuine",
        _ => "its signature is genuine; it was rejected for another reason",
    }
}

/// Shows rows as a table.
#[derive(Clone, Copy, Debug)]
pub struct Table<'r>(pub &'r [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .0
            .iter()
            .map(|row| row.kind.len())
            .max()
            .unwrap_or(0)
            .max(7);
        write!(f, "{:width$}  expected  got  verdict", "forgery")?;
        self.0.iter().try_for_each(|row| {
            let got = row
                .status
                .map_or_else(|| "-".to_owned(), |status| status.to_string());
            write!(
                f,
                "\n{:width$}  {:8}  {got:3}  {}",
                row.kind,
                row.expected,
                Judgement(row)
            )
        })
    }
}

/// Shows the verdict in colour, and its explanation.
struct Judgement<'r>(&'r Row);

impl fmt::Display for Judgement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (style, verdict) = match self.0.verdict {
            TrialVerdict::Rejected => (colour(AnsiColor::Green), "rejected"),
            TrialVerdict::GotIn => (colour(AnsiColor::Red).bold(), "GOT IN"),
            TrialVerdict::Genuine => (colour(AnsiColor::Cyan), "not a forgery"),
            TrialVerdict::Unclear => (colour(AnsiColor::Yellow), "unclear"),
            TrialVerdict::NotSent => (Style::new().dimmed(), "not sent"),
        };
        write!(f, "{style}{verdict}{style:#}")?;
        match self.0.explanation.as_str() {
            "" => Ok(()),
            explanation => write!(f, ": {explanation}"),
        }
    }
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, StatusCode};

    fn row(kind: ForgeryKind, status: u16, headers: &[(&'static str, &'static str)]) -> Row {
        let mut map = HeaderMap::new();
        for &(name, value) in headers {
            map.insert(name, HeaderValue::from_static(value));
        }
        let status = StatusCode::from_u16(status).expect("a status");
        let response = ResponseSummary {
            status,
            headers: map,
            beginning: Vec::new(),
            truncated: false,
            took: Duration::ZERO,
        };
        Row::of(kind, &Ok(response))
    }

    const OWN: &[(&str, &str)] = &[
        ("x-cartgate-delivery", "1"),
        ("proxy-status", "cartgate; error=x"),
    ];
    const PASSED_ON: &[(&str, &str)] = &[("x-cartgate-delivery", "1")];

    #[test]
    fn only_a_rejection_of_the_signature_counts_as_rejected() {
        for status in [400, 401, 403] {
            assert_eq!(
                row(ForgeryKind::Hex, status, &[]).verdict,
                TrialVerdict::Rejected,
                "{status}"
            );
        }
        for status in [302, 404, 405, 408, 413, 422, 429, 500, 502, 503, 504] {
            let row = row(ForgeryKind::Hex, status, &[]);
            assert_eq!(row.verdict, TrialVerdict::Unclear, "{status}");
            assert!(
                !row.is_right() && row.explanation.contains("not judged"),
                "{status}"
            );
        }
    }

    #[test]
    fn what_reached_the_app_got_in_whatever_the_app_said() {
        assert!(row(ForgeryKind::Hex, 200, &[]).got_in());
        assert!(row(ForgeryKind::Hex, 401, PASSED_ON).got_in());
        assert!(row(ForgeryKind::Hex, 502, OWN).got_in());
        assert!(row(ForgeryKind::Hex, 422, OWN).got_in());
        assert_eq!(
            row(ForgeryKind::Hex, 401, OWN).verdict,
            TrialVerdict::Rejected
        );
    }

    #[test]
    fn a_replay_is_told_apart_and_never_a_hole() {
        for status in [200, 401, 405] {
            let row = row(ForgeryKind::ReplayedMethod, status, &[]);
            assert_eq!(row.verdict, TrialVerdict::Genuine);
            assert!(row.is_right());
            assert_eq!(row.is_rejected_genuine(), status == 401);
        }
    }

    #[test]
    fn no_response_is_no_rejection() {
        assert!(!Row::of(ForgeryKind::Hex, &Err(SendError::TimedOut)).is_right());
        assert!(Row::not_sent(ForgeryKind::ReSerializedJson, Unforgeable::NotJson).is_right());
    }

    #[test]
    fn the_table_has_a_line_for_each() {
        let rows = [
            row(ForgeryKind::Hex, 401, &[]),
            row(ForgeryKind::NonCanonicalBase64, 200, &[]),
        ];
        let table = Table(&rows).to_string();
        assert_eq!(table.lines().count(), 3);
        assert!(table.contains("GOT IN"));
    }
}
