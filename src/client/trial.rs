//! The trial of a gate by forgeries: what each was expected to get, what it got, and what that
//! means.

use std::fmt;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use super::forgery::Unforgeable;
use super::forgery_kind::ForgeryKind;
use super::http::{Answer, NoAnswer};

/// One forgery and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    kind: &'static str,
    expected: &'static str,
    status: Option<u16>,
    verdict: Verdict,
    words: String,
}

/// What an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// Refused as a forgery.
    Refused,
    /// It got in.
    GotIn,
    /// It is genuine by the scheme, whatever was answered.
    Genuine,
    /// Something else was in the way, so that nothing judged the signature.
    Unclear,
    /// Nothing was sent, since this body does not allow this kind.
    NotSent,
}

impl Row {
    /// Judges what a forgery was answered.
    #[must_use]
    pub fn of(kind: ForgeryKind, outcome: &Result<Answer, NoAnswer>) -> Self {
        let (verdict, words) = match outcome {
            Ok(answer) if kind.is_genuine_by_the_scheme() => {
                (Verdict::Genuine, replayed(answer).to_owned())
            }
            Ok(answer) => judge(answer),
            Err(reason) => (Verdict::Unclear, reason.to_string()),
        };
        let status = outcome.as_ref().ok().map(|answer| answer.status.as_u16());
        Self::new(kind, status, verdict, words)
    }

    /// A kind that this body does not allow.
    #[must_use]
    pub fn not_sent(kind: ForgeryKind, reason: Unforgeable) -> Self {
        Self::new(kind, None, Verdict::NotSent, reason.to_string())
    }

    fn new(kind: ForgeryKind, status: Option<u16>, verdict: Verdict, words: String) -> Self {
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
            words,
        }
    }

    /// Whether this row speaks for the gate, or at least not against it.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !matches!(self.verdict, Verdict::GotIn | Verdict::Unclear)
    }

    /// Whether the forgery got in.
    #[must_use]
    pub fn got_in(&self) -> bool {
        self.verdict == Verdict::GotIn
    }

    /// Whether a delivery that is genuine by the scheme got no further than the forgeries. Then
    /// their refusals say little.
    #[must_use]
    pub fn is_a_genuine_one_refused(&self) -> bool {
        self.verdict == Verdict::Genuine && self.status == Some(401)
    }
}

fn judge(answer: &Answer) -> (Verdict, String) {
    let status = answer.status;
    let got_in = |words: &str| (Verdict::GotIn, words.to_owned());
    let unclear = |words: &str| (Verdict::Unclear, format!("not judged: {words}"));
    if status.is_success() {
        return got_in("it was taken");
    }
    if answer.is_from_behind_a_gate() {
        return got_in("the app behind the gate answered it");
    }
    match status.as_u16() {
        400 | 401 | 403 => (Verdict::Refused, String::new()),
        // These the gate answers only after a signature that it believed.
        422 | 502 | 504 if answer.is_the_gates_own() => got_in("the gate believed the signature"),
        404 => unclear("there is no such endpoint"),
        405 => unclear("the endpoint does not take this method"),
        413 => unclear("the body is over the endpoint's limit"),
        429 => unclear("too many requests"),
        503 => unclear("the server is busy or not ready"),
        502 | 504 => unclear("a proxy did not reach its server"),
        300..=399 => unclear("it was redirected"),
        500..=599 => unclear("the server failed"),
        _ => unclear("this status does not speak of the signature"),
    }
}

fn replayed(answer: &Answer) -> &'static str {
    match answer.status.as_u16() {
        200..=299 => "the scheme does not sign the method",
        405 => "the endpoint takes only the other method",
        401 => "its signature is true, and it was refused all the same",
        _ => "its signature is true; it was refused for another reason",
    }
}

/// All rows, as a table.
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
                Words(row)
            )
        })
    }
}

/// The verdict in colour, and what is to be said about it.
struct Words<'r>(&'r Row);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (style, verdict) = match self.0.verdict {
            Verdict::Refused => (colour(AnsiColor::Green), "refused"),
            Verdict::GotIn => (colour(AnsiColor::Red).bold(), "GOT IN"),
            Verdict::Genuine => (colour(AnsiColor::Cyan), "not a forgery"),
            Verdict::Unclear => (colour(AnsiColor::Yellow), "unclear"),
            Verdict::NotSent => (Style::new().dimmed(), "not sent"),
        };
        write!(f, "{style}{verdict}{style:#}")?;
        match self.0.words.as_str() {
            "" => Ok(()),
            words => write!(f, ": {words}"),
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
        let answer = Answer {
            status,
            headers: map,
            beginning: Vec::new(),
            took: Duration::ZERO,
        };
        Row::of(kind, &Ok(answer))
    }

    const OWN: &[(&str, &str)] = &[
        ("x-cartgate-delivery", "1"),
        ("proxy-status", "cartgate; error=x"),
    ];
    const PASSED_ON: &[(&str, &str)] = &[("x-cartgate-delivery", "1")];

    #[test]
    fn only_a_refusal_for_the_signature_counts_as_refused() {
        for status in [400, 401, 403] {
            assert_eq!(
                row(ForgeryKind::Hex, status, &[]).verdict,
                Verdict::Refused,
                "{status}"
            );
        }
        for status in [302, 404, 405, 408, 413, 422, 429, 500, 502, 503, 504] {
            let row = row(ForgeryKind::Hex, status, &[]);
            assert_eq!(row.verdict, Verdict::Unclear, "{status}");
            assert!(
                !row.is_well() && row.words.contains("not judged"),
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
        assert_eq!(row(ForgeryKind::Hex, 401, OWN).verdict, Verdict::Refused);
    }

    #[test]
    fn a_replay_is_told_apart_and_never_a_hole() {
        for status in [200, 401, 405] {
            let row = row(ForgeryKind::ReplayedMethod, status, &[]);
            assert_eq!(row.verdict, Verdict::Genuine);
            assert!(row.is_well());
            assert_eq!(row.is_a_genuine_one_refused(), status == 401);
        }
    }

    #[test]
    fn no_answer_is_no_refusal() {
        assert!(!Row::of(ForgeryKind::Hex, &Err(NoAnswer::TimedOut)).is_well());
        assert!(Row::not_sent(ForgeryKind::ReSerializedJson, Unforgeable::NotJson).is_well());
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
