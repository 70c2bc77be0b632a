//! The report on a saved rejection, as a line, a screen or JSON.

use std::{
    fmt::{self, Display, Formatter},
    time::SystemTime,
};

use serde::Serialize;
use tower_cartgate::RejectionKind;

use crate::{
    commands::verify::Judgement,
    doctor::SignatureVerdict,
    rejected::{LateState, RejectionDetails, SavedFile, SavedRejection},
    text::terminal::printable,
};

/// The headings of a list.
pub(super) const HEADINGS: &str = "DELIVERY                              RECEIVED              CAUSE                 \
                                   SOURCE               ENDPOINT";

/// A saved rejection with its verdict.
#[derive(Clone, Copy)]
pub(super) struct Report<'a> {
    pub(super) rejection: &'a SavedRejection,
    pub(super) file: &'a SavedFile,
    pub(super) verdict: Option<&'a SignatureVerdict>,
}

impl<'a> Report<'a> {
    /// Returns the report as a line of a list.
    pub(super) fn line(self) -> Line<'a> {
        Line(self)
    }

    /// Returns the report with all but the body.
    pub(super) fn screen(self) -> Screen<'a> {
        Screen(self)
    }

    /// Returns the cause in one word: the diagnosis, or the reason of the rejection.
    fn cause(&self) -> String {
        match self.verdict {
            None => RejectionKind::Mismatch.as_str().to_owned(),
            Some(SignatureVerdict {
                diagnosis: Some(diagnosis),
                ..
            }) => diagnosis.cause().as_str().to_owned(),
            Some(verdict) => {
                let secret = verdict.secret.as_deref().unwrap_or_default();
                format!("verified:{secret}")
            }
        }
    }

    /// Returns the report as JSON.
    pub(super) fn json(&self) -> Json {
        Json {
            details: RejectionDetails::new(self.file, self.rejection, self.verdict.cloned()),
            file: self.file.path.display().to_string(),
            headers: None,
        }
    }

    /// Returns the report as JSON, with the headers.
    pub(super) fn json_with_headers(&self) -> Json {
        Json {
            headers: Some(self.rejection.header_texts()),
            ..self.json()
        }
    }
}

/// A report as JSON.
#[derive(Serialize)]
pub(super) struct Json {
    #[serde(flatten)]
    details: RejectionDetails,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<(String, String)>>,
}

/// A report on one line.
pub(super) struct Line<'a>(Report<'a>);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rejection = self.0.rejection;
        write!(
            f,
            "{}  {}  {:<20}  {:<19}  {}",
            rejection.id,
            time(rejection.received()),
            self.0.cause(),
            rejection.source.to_string(),
            printable(rejection.endpoint.as_bytes()),
        )
    }
}

/// A report on a screen.
pub(super) struct Screen<'a>(Report<'a>);

impl Display for Screen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report {
            rejection,
            file,
            verdict,
        } = self.0;
        writeln!(f, "delivery  {}", rejection.id)?;
        writeln!(f, "received  {}", time(rejection.received()))?;
        writeln!(f, "endpoint  {}", printable(rejection.endpoint.as_bytes()))?;
        let peer = printable(rejection.peer.as_bytes());
        writeln!(f, "peer      {peer} (source {})", rejection.source)?;
        let path = printable(file.path.as_os_str().as_encoded_bytes());
        writeln!(f, "file      {path}")?;
        match (file.late_state(), file.forwarded()) {
            (Some(LateState::Waiting), _) => {
                writeln!(f, "late      waits for its app or the inbox")?;
            }
            (Some(LateState::Forwarded), Some(at)) => writeln!(f, "forwarded {}", time(at))?,
            (Some(state), Some(at)) => writeln!(f, "late      {} {}", state.as_str(), time(at))?,
            _ => {}
        }
        writeln!(f)?;
        let target = printable(rejection.target.as_str().as_bytes());
        writeln!(f, "{} {target}", rejection.method)?;
        for (name, value) in &rejection.headers {
            writeln!(f, "{name}: {}", printable(value.as_bytes()))?;
        }
        let len = rejection.bytes().len();
        writeln!(f, "({len} bytes of body; --body prints them)\n")?;
        match verdict {
            Some(verdict) => Judgement(verdict).fmt(f),
            None => f.write_str(
                "no secret of the endpoint matches the signature; --secret-file FILE shows the cause",
            ),
        }
    }
}

fn time(time: SystemTime) -> String {
    crate::text::rfc3339::seconds(time)
}
