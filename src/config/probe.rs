//! The demands of a start on this machine: addresses that can be bound, directories that can be
//! written, an inbox that can be opened. `check` and every start probe them. A probe creates and
//! locks nothing.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

use rustix::fs::{Access, access};

use super::{finding::Finding, load::Loaded, plan::Plan};
use crate::inbox;

impl Plan {
    /// Loads the plan, and probes everything else that a start needs.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn load_to_start(&self) -> Result<Loaded, Vec<Finding>> {
        let loaded = self.load();
        let mut findings = self.probe_addresses();
        findings.extend(self.probe_rejected());
        findings.extend(loaded.iter().filter_map(|loaded| self.probe_inbox(loaded)));
        match loaded {
            Ok(loaded) if findings.is_empty() => Ok(loaded),
            loaded => {
                findings.extend(loaded.err().unwrap_or_default());
                findings.sort();
                Err(findings)
            }
        }
    }

    /// Probes the directories and the inbox that a start needs.
    pub(crate) fn probe_files(&self, loaded: &Loaded) -> Vec<Finding> {
        let all = [self.probe_rejected(), self.probe_inbox(loaded)];
        all.into_iter().flatten().collect()
    }

    fn probe_rejected(&self) -> Option<Finding> {
        let rejected = self.rejected.as_ref()?;
        let settings = &rejected.settings;
        let probed = probe_directory(&settings.dir).and_then(|()| settings.check());
        let error = probed.err()?;
        let dir = settings.dir.display();
        let reason = match error.kind() {
            ErrorKind::NotFound => {
                "its parent directory is not there; create it, writable for the gate's user"
                    .to_owned()
            }
            // Other errors have a text of their own.
            ErrorKind::PermissionDenied if error.raw_os_error().is_some() => {
                "permission denied; the gate's user must be able to write there".to_owned()
            }
            _ => error.to_string(),
        };
        let message = format!("rejections cannot be saved in {dir}: {reason}");
        Some(Finding::new(rejected.at.of("dir"), message))
    }

    fn probe_inbox(&self, loaded: &Loaded) -> Option<Finding> {
        let (plan, settings) = (self.inbox.as_ref()?, loaded.config.inbox.as_ref()?);
        let error = inbox::check(settings).err()?;
        Some(Finding::new(plan.at.of("store"), error))
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
