//! One shared secret, and the name by which people speak of it.
//!
//! The text of a secret leaves this file only through [`Secret::expose`]: it is in no `Debug`, error or comparison.

use std::{fmt, str::FromStr, sync::Arc};

use zeroize::Zeroizing;

use crate::Weakness;

/// A shared secret: the bytes of its text as the dashboard shows it, never Base64- or hex-decoded.
///
/// A clone shares the bytes; they are overwritten when the last one is dropped.
/// There is no `PartialEq`, because `==` on secrets tells by its duration how much of a guess was right.
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
    /// Exactly these bytes.
    ///
    /// # Errors
    ///
    /// Refuses an empty secret, under which anybody can sign, and one that ends in NUL: HMAC pads short keys
    /// with NUL (RFC 2104, section 2), so such a secret and the same one without its end would be one.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, SecretError> {
        Self::checked(Zeroizing::new(bytes.into()))
    }

    /// The bytes as a file or an environment variable holds them: one line ending (LF or CRLF) is dropped, no more.
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

    /// Returns the signs of an accident of copying or saving, and of a secret too short to be safe. None is an error.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<Weakness> {
        Weakness::of(self.expose())
    }

    /// Returns the secret that was probably meant where this one has a weakness, for tools that explain a mismatch.
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

    /// The secret itself, for tools that must try variants of it. Keep it out of logs, errors and arguments.
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

/// Why some bytes cannot be a [`Secret`]. It never quotes them.
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
            Self::Empty => "the secret is empty; anybody could sign with it",
            Self::EndsInNul => {
                "the secret ends in a NUL byte, which HMAC cannot tell from its absence (a file in UTF-16 may end so: save it as UTF-8)"
            }
        })
    }
}

impl std::error::Error for SecretError {}

/// The name of a secret, for logs, metrics and headers: 1 to 64 of `a-z`, `0-9`, `_`, `-`.
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

/// A text is no [`SecretName`]. It is not quoted: people paste a secret where its name belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameError(());

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret's name is 1 to 64 of the characters a-z, 0-9, _ and -")
    }
}

impl std::error::Error for NameError {}
