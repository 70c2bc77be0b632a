//! The diagnosis of a mismatch. It contains neither secret nor body, so it may be logged.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct, Serializer};
use tower_cartgate::SecretName;

use super::cause::Cause;

/// The first cause that explains a mismatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    cause: Cause,
    certainty: Certainty,
    spelling: Option<Cause>,
    secret: Option<SecretName>,
    detail: Option<String>,
}

/// The certainty of a diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// The cause leads to exactly this signature.
    Proved,
    /// The form of the delivery suggests the cause, but it does not lead to this signature.
    Likely,
    /// No known cause explains the mismatch.
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

    /// Returns the cause.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Returns the certainty.
    #[must_use]
    pub fn certainty(&self) -> Certainty {
        self.certainty
    }

    /// Returns the additional mistake in the form of the header.
    #[must_use]
    pub fn spelling(&self) -> Option<Cause> {
        self.spelling
    }

    /// Returns the secret with which the cause leads to the signature.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretName> {
        self.secret.as_ref()
    }
}

impl Certainty {
    /// Returns a stable word for logs and scripts.
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
            Certainty::Open => "no known cause fits: ",
        };
        write!(f, "{confidence}{}", self.cause)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        if let Some(spelling) = self.spelling {
            write!(f, "; in addition, {spelling}")?;
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
