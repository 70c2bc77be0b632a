//! The position in a list, as the API carries it.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::inbox::store::Cursor;

/// A cursor as opaque text for a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct CursorText(pub(crate) Cursor);

/// The text is no cursor of this API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is none that a list returned")]
pub(crate) struct CursorTextError;

impl fmt::Display for CursorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cursor { event, queue } = &self.0;
        let bytes = [&event.as_bytes()[..], queue.as_bytes()].concat();
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for CursorText {
    type Err = CursorTextError;

    fn from_str(text: &str) -> Result<Self, CursorTextError> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text);
        let bytes = bytes.map_err(|_| CursorTextError)?;
        let (event, queue) = bytes.split_first_chunk().ok_or(CursorTextError)?;
        let queue = str::from_utf8(queue).map_err(|_| CursorTextError)?;
        Ok(Self(Cursor {
            event: Uuid::from_bytes(*event),
            queue: queue.to_owned(),
        }))
    }
}

impl From<CursorText> for String {
    fn from(cursor: CursorText) -> Self {
        cursor.to_string()
    }
}

impl TryFrom<String> for CursorText {
    type Error = CursorTextError;

    fn try_from(text: String) -> Result<Self, CursorTextError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_a_url() {
        for queue in ["", "shop", "a/b?c=d&ü"] {
            let cursor = CursorText(Cursor {
                event: Uuid::now_v7(),
                queue: queue.to_owned(),
            });
            let text = cursor.to_string();
            assert!(
                text.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
                "{text}"
            );
            assert_eq!(text.parse(), Ok(cursor));
        }
        for text in ["", "AAAA", "%", "//////////////////////8"] {
            assert_eq!(text.parse::<CursorText>(), Err(CursorTextError), "{text}");
        }
    }
}
