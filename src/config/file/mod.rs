//! The configuration file as a [`Plan`]. A section of the file is a file here, and each key is asked for just once, so what a
//! file may say is what this code asks. All mistakes are found together, each with its place; none of them repeats a text of
//! the file, which may hold a secret in the wrong place.

mod admin;
mod destination;
mod document;
mod endpoint;
mod event;
mod headers;
mod log;
mod secret;
mod server;

use std::{fs, io, path::Path};

use document::{Document, Table};

use super::{finding::Finding, plan::Plan};

/// Why a file is no plan.
#[derive(Debug)]
pub enum FileError {
    /// It cannot be read, or is no text.
    Unreadable(io::Error),
    /// It has mistakes.
    Mistakes(Vec<Finding>),
}

impl Plan {
    /// What the file at `path` means.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or with every mistake that is in it.
    pub fn from_file(path: &Path) -> Result<Self, FileError> {
        let text = fs::read_to_string(path).map_err(FileError::Unreadable)?;
        Self::from_text(&text).map_err(FileError::Mistakes)
    }

    /// What the text of a file means.
    ///
    /// # Errors
    ///
    /// Every mistake that is in it, by its place.
    pub fn from_text(text: &str) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        // A plan with an unknown key beside it can be checked all the same, so that all mistakes are told at once.
        let plan = Document::read(text, &mut findings, plan).and_then(|plan| {
            let checked = plan.check();
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

#[cfg(test)]
mod tests;

fn plan(file: &mut Table<'_, '_>) -> Option<Plan> {
    let server = server::read(file);
    let admin = file.table("admin").map(admin::read);
    let log = file.table("log").map(log::read);
    let mut secrets = secret::read(file);
    let endpoints = endpoint::read(file, &mut secrets);
    Some(Plan {
        server: server?,
        admin: admin.map_or(Some(None), |admin| admin.map(Some))?,
        log: log.unwrap_or_default(),
        endpoints: endpoints?,
        warnings: secrets.spare(),
    })
}
