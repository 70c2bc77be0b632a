//! The name of a row toward clients: the run of the gate and the row's number. After a restart
//! numbers begin again, and the run tells the old ones from the new.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// The name of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowId {
    /// The run of the gate.
    pub(crate) instance: Uuid,
    pub(crate) number: u64,
}

/// The text names no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of an event or the cursor of a page")]
pub(crate) struct RowIdError;

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.instance.as_simple(), self.number)
    }
}

impl FromStr for RowId {
    type Err = RowIdError;

    fn from_str(text: &str) -> Result<Self, RowIdError> {
        let (instance, number) = text.split_once('-').ok_or(RowIdError)?;
        let number = number.parse().map_err(|_| RowIdError)?;
        let instance = instance.parse().map_err(|_| RowIdError)?;
        Ok(Self { instance, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let id = RowId {
            instance: Uuid::now_v7(),
            number: u64::MAX,
        };
        assert_eq!(id.to_string().parse(), Ok(id));
        let run = id.instance.as_simple();
        for text in [
            "",
            "-",
            "1",
            "x-1",
            "1-1",
            &format!("{run}-"),
            &format!("{run}-x"),
        ] {
            assert_eq!(text.parse::<RowId>(), Err(RowIdError), "{text}");
        }
    }
}
