//! A shared secret, and the name of a secret.
//!
//! Only [`Secret::expose`] returns the bytes of a secret. They appear in no `Debug`, error or
//! comparison.

use std::{fmt, str::FromStr, sync::Arc};

use zeroize::Zeroizing;

use crate::Weakness;

/// A shared secret: the bytes of its text as the dashboard shows it, never decoded from Base64 or
/// hex.
///
/// Clones share the bytes, which are overwritten when the last clone is dropped. There is no
/// `PartialEq`, because the duration of `==` reveals the number of equal bytes.
///
/// ```
/// # use tower_cartgate::Secret;
/// let secret = Secret::from_line("correct horse battery staple\n")?;
/// assert_eq!(format!("{secret:?}"), "Secret(redacted)");
/// # Ok::<(), tower_cartgate::SecretError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Returns a secret of exactly these bytes.
    ///
    /// # Errors
    ///
    /// Rejects an empty secret, with which anyone can sign, and one that ends in NUL: HMAC pads
    /// short keys with NUL (RFC 2104, section 2), so it would equal the same secret without the
    /// NUL.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        Self::checked(Zeroizing::new(bytes.into()))
    }

    /// Returns a secret of the bytes of a file or an environment variable, without one line ending
    /// (LF or CRLF).
    ///
    /// # Errors
    ///
    /// As [`Secret::new`].
    pub fn from_line(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        let mut bytes = Zeroizing::new(bytes.into());
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Self::checked(bytes)
    }

    fn checked(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SecretError> {
        match bytes.last() {
            None => Err(SecretError::Empty),
            Some(0) => Err(SecretError::EndsInNul),
            Some(_) => Ok(Self(Arc::new(bytes))),
        }
    }

    /// Returns the signs of a mistake in copying or saving, and of a secret that is too short. They
    /// are warnings, not errors.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<Weakness> {
        Weakness::of(self.expose())
    }

    /// Returns the secret that was probably meant instead of this one with a weakness, for tools
    /// that explain a mismatch.
    ///
    /// ```
    /// # use tower_cartgate::{Secret, Weakness};
    /// let pasted = Secret::from_line("secret: correct horse battery staple\n")?;
    /// assert_eq!(pasted.weaknesses(), [Weakness::ConfigurationLine]);
    /// let meant = pasted.repaired(Weakness::ConfigurationLine);
    /// assert_eq!(meant.unwrap().expose(), b"correct horse battery staple");
    /// # Ok::<(), tower_cartgate::SecretError>(())
    /// ```
    #[must_use]
    pub fn repaired(&self, weakness: Weakness) -> Option<Self> {
        Self::checked(weakness.repair(self.expose())?).ok()
    }

    /// Returns the bytes, for tools that must try variants of them. Keep them out of logs, errors
    /// and arguments.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// The reason why bytes are no valid [`Secret`]. It never quotes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretError {
    /// There are no bytes.
    Empty,
    /// The last byte is NUL.
    EndsInNul,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the secret is empty; anyone could sign with it",
            Self::EndsInNul => {
                "the secret ends in a NUL byte, which HMAC ignores (a UTF-16 file may end in one: save it as UTF-8)"
            }
        })
    }
}

impl std::error::Error for SecretError {}

/// The name of a secret in logs, metrics and headers: 1 to 64 of the characters `a-z`, `0-9`, `_`
/// and `-`.
///
/// ```
/// # use tower_cartgate::SecretName;
/// let name: SecretName = "shop-1_2026".parse()?;
/// assert_eq!(name.as_ref(), "shop-1_2026");
/// assert!("Shop 1".parse::<SecretName>().is_err());
/// # Ok::<(), tower_cartgate::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(Arc<str>);

impl SecretName {
    pub(crate) fn default_name() -> Self {
        Self(Arc::from("default"))
    }
}

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        match text.len() {
            1..=64 if text.bytes().all(allowed) => Ok(Self(Arc::from(text))),
            _ => Err(NameError(())),
        }
    }
}

impl TryFrom<&str> for SecretName {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        text.parse()
    }
}

impl AsRef<str> for SecretName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// The error of a text that is no [`SecretName`]. It does not quote the text, which may be a secret
/// pasted by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameError(());

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret's name is 1 to 64 of the characters a-z, 0-9, _ and -")
    }
}

impl std::error::Error for NameError {}
