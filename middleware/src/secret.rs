//! One shared secret, and the name by which people speak of it.
//!
//! The text of a secret leaves this file only through [`Secret::expose`]: it is in no `Debug`, error or comparison.

use std::{fmt, str::FromStr, sync::Arc};

use zeroize::Zeroizing;

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

    /// What looks like an accident of copying, or is too short to be safe. None of it is refused.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<Weakness> {
        let bytes = self.expose();
        let ends = [bytes.first(), bytes.last()];
        let at_an_end = |wanted: fn(&u8) -> bool| ends.into_iter().flatten().any(wanted);
        let found = [
            (bytes.starts_with(b"\xEF\xBB\xBF"), Weakness::Bom),
            (
                at_an_end(|byte| matches!(byte, b'"' | b'\'' | b'`')),
                Weakness::Quotes,
            ),
            (at_an_end(u8::is_ascii_whitespace), Weakness::SpacesAround),
            (bytes.len() < SHORT, Weakness::Short),
        ];
        found
            .into_iter()
            .filter_map(|(is, weakness)| is.then_some(weakness))
            .collect()
    }

    /// The secret itself, for tools that must try variants of it. Keep it out of logs, errors and arguments.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Below this a secret can be guessed from one captured delivery, without asking anybody.
const SHORT: usize = 16;

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
                "the secret ends in a NUL byte, which HMAC cannot tell from its absence"
            }
        })
    }
}

impl std::error::Error for SecretError {}

/// A reason to look at a [`Secret`] again. Its `Display` says what to do and never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// It begins with a UTF-8 byte order mark, which an editor put there.
    Bom,
    /// It begins or ends with a quotation mark.
    Quotes,
    /// It begins or ends with white space.
    SpacesAround,
    /// It has less than 16 bytes.
    Short,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bom => "the secret begins with a byte order mark; save it as UTF-8 without one",
            Self::Quotes => "the secret begins or ends with a quotation mark; remove it unless it belongs to the secret",
            Self::SpacesAround => "the secret begins or ends with white space; remove it unless it belongs to the secret",
            Self::Short => "the secret has less than 16 bytes and can be guessed; let the dashboard make a longer one",
        })
    }
}

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
