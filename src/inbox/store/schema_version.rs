//! The version of the tables, which both engines share.

/// The version that this program reads and writes. Version 1 had fewer columns; only development
/// builds made it.
pub(super) const CURRENT: u32 = 2;

/// A store has tables of another version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error(
        "a newer Cartgate wrote it (schema {0}, this one knows {CURRENT}); use that version, or an earlier backup"
    )]
    Newer(u32),
    #[error(
        "an earlier development build of Cartgate wrote it (schema {0}, this one knows {CURRENT}); drain it with that \
         build, or remove it"
    )]
    Earlier(u32),
}

/// Accepts the current version, and zero, which stands for a store without tables.
pub(super) fn check(found: u32) -> Result<(), SchemaError> {
    match found {
        0 | CURRENT => Ok(()),
        1..CURRENT => Err(SchemaError::Earlier(found)),
        _ => Err(SchemaError::Newer(found)),
    }
}
