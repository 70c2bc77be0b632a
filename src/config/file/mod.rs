//! The configuration file as a [`Plan`]. All mistakes are found together, each with its place. None
//! of them repeats a text of the file, which may hold a secret in the wrong place.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::{
    document::Document,
    finding::Finding,
    plan::Plan,
    setting::read::{Read, read},
};

/// The largest file. A larger one is the wrong file, perhaps an endless one.
const MOST_BYTES: u64 = 1024 * 1024;

/// A file that is no plan.
#[derive(Debug)]
pub enum FileError {
    /// It cannot be read, or is no text.
    Unreadable(io::Error),
    /// It has mistakes.
    Mistakes(Vec<Finding>),
}

impl Plan {
    /// Reads the file at `path`; `change` overrides some of its settings.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or with every mistake in it.
    pub fn from_file(path: &Path, change: impl FnOnce(Self) -> Self) -> Result<Self, FileError> {
        let text = read_text(path).map_err(FileError::Unreadable)?;
        Self::from_text_with(&text, change).map_err(FileError::Mistakes)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// Every mistake in it, with its place.
    pub fn from_text(text: &str) -> Result<Self, Vec<Finding>> {
        Self::from_text_with(text, |plan| plan)
    }

    /// Reads the text of a file; `change` overrides some of its settings.
    ///
    /// # Errors
    ///
    /// Every mistake in it, with its place.
    pub fn from_text_with(
        text: &str,
        change: impl FnOnce(Self) -> Self,
    ) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let plan = Document::read(text, &mut findings, read::<Self>);
        // A plan can be checked although a key is unknown or a value falls back to its default, so
        // that all mistakes are reported together.
        let plan = Read::complete(plan).and_then(|plan| {
            let checked = change(plan).check();
            checked.map_err(|more| findings.extend(more)).ok()
        });
        findings.sort();
        findings.dedup();
        match plan {
            Some(plan) if findings.is_empty() => Ok(plan),
            _ => Err(findings),
        }
    }
}

/// Reads the text at `path`, which is a file or a pipe.
fn read_text(path: &Path) -> io::Result<String> {
    let unusable = |why| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(unusable("it is longer than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| unusable("it is no UTF-8 text"))
}

#[cfg(test)]
mod inbox_tests;
#[cfg(test)]
mod tests;
