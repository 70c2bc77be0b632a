//! The demands of a start on this machine: addresses that can be bound, folders that can be written, an inbox that can be
//! opened. `check` and every start look for them here. The look makes and locks nothing.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use rustix::fs::{Access, access};

use super::{
    Loaded,
    finding::Finding,
    plan::{InboxPlan, Plan},
};
use crate::inbox::{self, Settings};

impl Plan {
    /// Loads the plan, and looks for everything else that a start needs.
    ///
    /// # Errors
    ///
    /// Everything that is missing, not only the first.
    pub fn load_to_start(&self) -> Result<Loaded, Vec<Finding>> {
        let loaded = self.load();
        let mut findings = Vec::new();
        self.probe_addresses(&mut findings);
        self.probe_keep_refused(&mut findings);
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

    fn probe_keep_refused(&self, findings: &mut Vec<Finding>) {
        let Some(settings) = &self.server.keep_refused else {
            return;
        };
        let probed = probe_folder(&settings.dir).and_then(|()| settings.check());
        if let Err(error) = probed {
            let dir = settings.dir.display();
            let message = format!("refused deliveries cannot be kept in {dir}: {error}");
            findings.push(Finding::new(self.server.keep_refused_at, message));
        }
    }
}

impl InboxPlan {
    fn probe(&self, settings: &Settings) -> Option<Finding> {
        let error = inbox::check(settings).err()?;
        Some(Finding::new(self.at, error))
    }
}

/// A folder that can be written, or be made where it is.
fn probe_folder(dir: &Path) -> io::Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    let place = match fs::metadata(dir) {
        Ok(found) if !found.is_dir() => return Err(ErrorKind::NotADirectory.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => parent.unwrap_or(Path::new(".")),
        found => found.map(|_| dir)?,
    };
    Ok(access(place, Access::WRITE_OK | Access::EXEC_OK)?)
}
