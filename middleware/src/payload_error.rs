//! The reason why a genuine payload does not fit a handler's type, without any value of the
//! payload.

use std::{error::Error, fmt};

use serde_core::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

/// The error of a genuine payload that does not fit the type of a handler.
///
/// It is the source of a rejection of the kind
/// [`InvalidPayload`](crate::RejectionKind::InvalidPayload) and names the position and the field,
/// never a value. Messages of serde are dropped, because they quote the payload. A name that does
/// not look like that of a field (a letter, then letters, digits, `_`, `-` and `.`) is shown as
/// `*`.
///
/// ```
/// # use std::error::Error as _;
/// # use tower_cartgate::*;
/// # #[derive(Debug, serde::Deserialize)]
/// # struct Order { _number: String }
/// # let secret = Secret::new("any")?;
/// # let policy = Policy::new(Keyring::single(secret.clone()));
/// # let body = br#"{"items":[{"price":"19.90"}]}"#;
/// # let mut headers = http::HeaderMap::new();
/// # headers.insert(Signature::HEADER, Signer::new(&secret).sign(body).to_header_value());
/// # #[derive(Debug, serde::Deserialize)]
/// # struct Item { #[serde(rename = "price")] _price: f64 }
/// # #[derive(Debug, serde::Deserialize)]
/// # struct Delivery { #[serde(rename = "items")] _items: Vec<Item> }
/// # let verified = verify(&policy, &headers, &body[..])?;
/// let rejection = verified.json::<Delivery>().unwrap_err();
/// let error = rejection.source().and_then(|error| error.downcast_ref::<PayloadError>());
/// assert_eq!(error.unwrap().pointer(), "/items/0/price");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadError {
    kind: PayloadErrorKind,
    pointer: String,
    field: Option<String>,
    line: usize,
    column: usize,
}

impl PayloadError {
    /// Parses `body` again to find the position of the first mistake. Only an invalid payload costs
    /// this.
    pub(crate) fn of<T: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> Self {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let located = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err();
        let (kind, field) = PayloadErrorKind::of(error);
        Self {
            kind,
            pointer: located.map_or_else(String::new, |error| pointer(error.path())),
            field,
            line: error.line(),
            column: error.column(),
        }
    }

    /// Returns the kind of the mistake.
    #[must_use]
    pub const fn kind(&self) -> PayloadErrorKind {
        self.kind
    }

    /// Returns the JSON pointer (RFC 6901) of the value that does not fit. It is empty for the
    /// whole payload.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns the field that is missing, unknown or duplicate.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Returns the line of the mistake, counted from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Returns the column of the mistake, in bytes.
    #[must_use]
    pub const fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        if let Some(field) = &self.field {
            write!(f, " `{field}`")?;
        }
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        write!(f, " (line {}, column {})", self.line, self.column)
    }
}

impl Error for PayloadError {}

/// The kinds of a [`PayloadError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadErrorKind {
    /// The payload is not JSON, or it ends too early.
    NotJson,
    /// A field is missing.
    MissingField,
    /// The type has no such field.
    UnknownField,
    /// A field occurs twice.
    DuplicateField,
    /// An enum has no such variant.
    UnknownVariant,
    /// A value has the wrong type, such as a string instead of a number.
    WrongType,
    /// A value has the right type but is not allowed.
    WrongValue,
    /// A list has too few or too many elements.
    WrongLength,
    /// Any other error of the handler's type.
    Other,
}

/// The first words of the errors of serde's derived code. The text after them may quote the
/// payload.
const PREFIXES: [(&str, PayloadErrorKind); 7] = [
    ("missing field", PayloadErrorKind::MissingField),
    ("unknown field", PayloadErrorKind::UnknownField),
    ("duplicate field", PayloadErrorKind::DuplicateField),
    ("unknown variant", PayloadErrorKind::UnknownVariant),
    ("invalid type", PayloadErrorKind::WrongType),
    ("invalid value", PayloadErrorKind::WrongValue),
    ("invalid length", PayloadErrorKind::WrongLength),
];

impl PayloadErrorKind {
    /// Returns the words for logs: `missing field`, `wrong type` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not JSON",
            Self::MissingField => "missing field",
            Self::UnknownField => "unknown field",
            Self::DuplicateField => "duplicate field",
            Self::UnknownVariant => "unknown variant",
            Self::WrongType => "wrong type",
            Self::WrongValue => "wrong value",
            Self::WrongLength => "wrong length",
            Self::Other => "does not fit",
        }
    }

    /// Returns the kind of a serde error, and the field for a kind that has one.
    fn of(error: &serde_json::Error) -> (Self, Option<String>) {
        if error.classify() != Category::Data {
            return (Self::NotJson, None);
        }
        let message = error.to_string();
        let found = PREFIXES
            .into_iter()
            .find_map(|(words, kind)| Some((kind, message.strip_prefix(words)?)));
        match found {
            Some((
                kind @ (Self::MissingField | Self::UnknownField | Self::DuplicateField),
                rest,
            )) => {
                let name = rest
                    .strip_prefix(" `")
                    .and_then(|rest| rest.split('`').next());
                (kind, name.map(|name| shown(name).to_owned()))
            }
            Some((kind, _)) => (kind, None),
            None => (Self::Other, None),
        }
    }
}

impl fmt::Display for PayloadErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |mut pointer, segment| {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } => pointer.push_str(shown(key)),
            Segment::Enum { variant } => pointer.push_str(shown(variant)),
            Segment::Unknown => pointer.push('*'),
        }
        pointer
    })
}

/// Returns the name if it looks like a field's. The keys of a map may be values, such as addresses
/// or order numbers, which a log must not show.
fn shown(name: &str) -> &str {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let is_name = name.len() <= MAX_NAME_LEN
        && name.as_bytes().first().is_some_and(letter)
        && name.bytes().all(inner);
    if is_name { name } else { "*" }
}

const MAX_NAME_LEN: usize = 64;
