//! The configuration file as a [`Plan`]. A section of the file is a file here, and each key is asked for just once, so what a
//! file may say is what this code asks. All mistakes are found together, each with its place; none of them repeats a text of
//! the file, which may hold a secret in the wrong place.

mod admin;
mod destination;
mod document;
mod endpoint;
mod event;
mod headers;
mod inbox;
mod log;
mod onward;
mod secret;
mod server;

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use document::{Document, Table};

use super::{finding::Finding, plan::Plan};

/// What is longer is the wrong file, perhaps an endless one.
const MOST_BYTES: u64 = 1024 * 1024;

/// Why a file is no plan.
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
    /// When it cannot be read, or with every mistake that is in it.
    pub fn from_file(path: &Path, change: impl FnOnce(Self) -> Self) -> Result<Self, FileError> {
        let text = read(path).map_err(FileError::Unreadable)?;
        Self::changed(&text, change).map_err(FileError::Mistakes)
    }

    /// What the text of a file means.
    ///
    /// # Errors
    ///
    /// Every mistake that is in it, by its place.
    pub fn from_text(text: &str) -> Result<Self, Vec<Finding>> {
        Self::changed(text, |plan| plan)
    }

    fn changed(text: &str, change: impl FnOnce(Self) -> Self) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        // A plan with an unknown key beside it can be checked all the same, so that all mistakes are told at once.
        let plan = Document::read(text, &mut findings, plan).and_then(|plan| {
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

/// The text at `path`, which is a file or a pipe.
fn read(path: &Path) -> io::Result<String> {
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

fn plan(file: &mut Table<'_, '_>) -> Option<Plan> {
    let server = server::read(file);
    let admin = file.table("admin").map(admin::read);
    let inbox = inbox::read(file);
    let log = file.table("log").map(log::read);
    let mut secrets = secret::read(file);
    let endpoints = endpoint::read(file, &mut secrets, &inbox);
    let inbox = inbox.close(file);
    Some(Plan {
        server: server?,
        admin: admin.map_or(Some(None), |admin| admin.map(Some))?,
        inbox: inbox?,
        log: log.unwrap_or_default(),
        endpoints: endpoints?,
        warnings: secrets.spare(),
    })
}
