//! What the doctor found. Holds neither secret nor body, so it may be logged.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use tower_cartgate::SecretName;

use super::cause::Cause;

/// The first cause that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    cause: Cause,
    certainty: Certainty,
    spelling: Option<Cause>,
    secret: Option<SecretName>,
    detail: Option<String>,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Under this cause the very signature comes out.
    Proved,
    /// What is there looks so, but the signature cannot be reached by it.
    Likely,
    /// Everything known was tried, and nothing fits.
    Open,
}

impl Diagnosis {
    pub(super) fn new(cause: Cause, certainty: Certainty) -> Self {
        Self {
            cause,
            certainty,
            spelling: None,
            secret: None,
            detail: None,
        }
    }

    pub(super) fn spelled(mut self, spelling: Option<Cause>) -> Self {
        self.spelling = spelling;
        self
    }

    pub(super) fn by(mut self, secret: &SecretName) -> Self {
        self.secret = Some(secret.clone());
        self
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The cause.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// How sure it is.
    #[must_use]
    pub fn certainty(&self) -> Certainty {
        self.certainty
    }

    /// What is wrong with the header's form besides.
    #[must_use]
    pub fn spelling(&self) -> Option<Cause> {
        self.spelling
    }

    /// The secret under which it fits.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretName> {
        self.secret.as_ref()
    }
}

impl Certainty {
    /// A stable word for logs and scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Likely => "likely",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let confidence = match self.certainty {
            Certainty::Proved => "",
            Certainty::Likely => "probably ",
            Certainty::Open => "nothing known fits: ",
        };
        write!(f, "{confidence}{}", self.cause)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        if let Some(spelling) = self.spelling {
            write!(f, "; besides, {spelling}")?;
        }
        match &self.secret {
            Some(secret) => write!(f, "; found with secret {secret}"),
            None => Ok(()),
        }
    }
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Diagnosis", 6)?;
        map.serialize_field("cause", self.cause.as_str())?;
        map.serialize_field("certainty", self.certainty.as_str())?;
        map.serialize_field("spelling", &self.spelling.map(Cause::as_str))?;
        map.serialize_field("secret", &self.secret.as_ref().map(AsRef::<str>::as_ref))?;
        map.serialize_field("text", &self.to_string())?;
        map.serialize_field("advice", self.cause.advice())?;
        map.end()
    }
}
