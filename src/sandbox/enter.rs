//! Entering the sandbox, and the state of a process that has entered it.

use std::{fmt::Write as _, path::Path, sync::OnceLock};

use super::{enforced::Enforced, needs::Needs, permissions::Permissions};

/// The sandbox of this process. It binds the whole process and cannot be left.
static SANDBOX: OnceLock<Sandbox> = OnceLock::new();

/// The sandbox that a process has entered.
#[derive(Debug)]
pub struct Sandbox {
    permissions: Permissions,
    enforced: Enforced,
}

/// Enters the sandbox. The calling thread must be the only one, because some kernels bind only the
/// calling thread. Returns the sandbox of the process.
pub fn enter(permissions: Permissions) -> &'static Sandbox {
    SANDBOX.get_or_init(|| Sandbox {
        enforced: enforce(&permissions),
        permissions,
    })
}

/// Returns the sandbox of the process, if it has entered one.
#[must_use]
pub fn current() -> Option<&'static Sandbox> {
    SANDBOX.get()
}

impl Sandbox {
    /// Returns the parts that the kernel does not enforce, in words.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.enforced.missing
    }

    /// Returns a line for each need that the sandbox denies.
    #[must_use]
    pub fn denies(&self, needs: &Needs) -> Vec<String> {
        let mut denied = Vec::new();
        if self.enforced.files {
            denied.extend(self.permissions.lacks_files(needs));
        }
        if self.enforced.ports {
            denied.extend(self.permissions.lacks_ports(&needs.ports));
        }
        denied
    }

    /// Returns whether the sandbox denies a new file at `path`.
    #[must_use]
    pub fn denies_writing(&self, path: &Path) -> bool {
        self.enforced.files && !self.permissions.permits_writing(path)
    }
}

#[cfg(all(target_os = "linux", target_endian = "little"))]
fn enforce(permissions: &Permissions) -> Enforced {
    let mut enforced = super::landlock_rules::enforce(permissions);
    if let Err(error) = super::system_calls::restrict() {
        let mut missing = "system calls".to_owned();
        // Writing to a string cannot fail.
        let _ = write!(missing, " ({error})");
        enforced.missing.push(missing);
    }
    enforced
}

#[cfg(not(all(target_os = "linux", target_endian = "little")))]
fn enforce(_permissions: &Permissions) -> Enforced {
    Enforced {
        missing: vec!["files, ports and system calls (this system is not Linux)".to_owned()],
        ..Enforced::default()
    }
}
