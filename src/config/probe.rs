//! The demands of a start on this machine: addresses that can be bound, directories that can be
//! written, an inbox that can be opened. `check` and every start probe them. A probe creates and
//! locks nothing.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use rustix::fs::{Access, access};

use super::{finding::Finding, load::Loaded, plan::Plan, sections::inbox::InboxPlan};
use crate::inbox::{self, Settings};

impl Plan {
    /// Loads the plan, and probes everything else that a start needs.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn load_to_start(&self) -> Result<Loaded, Vec<Finding>> {
        let loaded = self.load();
        let mut findings = Vec::new();
        self.probe_addresses(&mut findings);
        self.probe_rejected(&mut findings);
        if let (Some(plan), Ok(loaded)) = (&self.inbox, &loaded)
            && let Some(settings) = &loaded.config.inbox
        {
            findings.extend(plan.probe(settings));
        }
        match loaded {
            Ok(loaded) if findings.is_empty() => Ok(loaded),
            loaded => {
                findings.extend(loaded.err().unwrap_or_default());
                findings.sort();
                Err(findings)
            }
        }
    }

    fn probe_rejected(&self, findings: &mut Vec<Finding>) {
        let Some(rejected) = &self.rejected else {
            return;
        };
        let settings = &rejected.settings;
        let probed = probe_directory(&settings.dir).and_then(|()| settings.check());
        if let Err(error) = probed {
            let dir = settings.dir.display();
            let message = format!("rejections cannot be saved in {dir}: {error}");
            findings.push(Finding::new(rejected.at.of("dir"), message));
        }
    }
}

impl InboxPlan {
    fn probe(&self, settings: &Settings) -> Option<Finding> {
        let error = inbox::check(settings).err()?;
        Some(Finding::new(self.at.of("store"), error))
    }
}

/// Checks that a directory can be written, or created in its parent.
fn probe_directory(dir: &Path) -> io::Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let place = match fs::metadata(dir) {
        Ok(found) if !found.is_dir() => return Err(ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => parent.unwrap_or(Path::new(".")),
        found => found.map(|_| dir)?,
    };
    Ok(access(place, Access::WRITE_OK | Access::EXEC_OK)?)
}
