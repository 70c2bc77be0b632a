//! The rules of Landlock: files by their directories, TCP ports, and processes outside.

use std::{fs, path::Path, thread::sleep, time::Duration};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd,
    RestrictSelfAttr as _, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, Scope, make_bitflags,
};

use super::{enforced::Enforced, permissions::Permissions};

/// The version of Landlock whose restrictions are in use. A kernel with an older one enforces a part,
/// one with a newer one enforces no more than this.
const VERSION: ABI = ABI::V8;

/// Reading files, and listing directories.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// Creating, changing and deleting files and directories. Neither links nor devices are among them.
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | MakeSock | RemoveFile | RemoveDir | Refer
});

/// The directory of the process in `/proc`.
const OWN_PROCESS: &str = "/proc/self";

/// The parts of Landlock that came later, each with the version that added it.
const LATER: [(i32, &str); 4] = [
    (3, "truncated files (Linux 6.2)"),
    (4, "ports (Linux 6.7)"),
    (5, "device commands (Linux 6.10)"),
    (6, "signals and abstract sockets (Linux 6.12)"),
];

/// The version that limits ports.
const WITH_PORTS: i32 = 4;

/// The longest wait for threads that have read the configuration and are about to end, in steps of
/// a millisecond.
const MAX_WAITS: u32 = 200;

/// Enforces the permissions for the calling thread and those that it starts; on new kernels, for all.
pub(super) fn enforce(permissions: &Permissions) -> Enforced {
    let threads = other_threads();
    let mut enforced = Enforced::default();
    let missing = &mut enforced.missing;
    match restrict(permissions) {
        Ok(RestrictionStatus {
            landlock: LandlockStatus::Available { effective_abi, .. },
            all_threads,
            ..
        }) => {
            let version = effective_abi as i32;
            let later = LATER.iter().filter(|(added, _)| version < *added);
            missing.extend(later.map(|(_, part)| (*part).to_owned()));
            if threads > 0 && !all_threads {
                missing.push(format!(
                    "files and ports in {threads} older threads (Linux 7.0)"
                ));
            }
            if permissions.writable.contains(Path::new("/")) {
                missing.push("files (the configuration writes to the root directory)".to_owned());
            }
            enforced.files = true;
            enforced.ports = version >= WITH_PORTS;
        }
        Ok(_) => missing.push(
            "files and ports (no Landlock in the kernel, or a filter of system calls denies it)"
                .to_owned(),
        ),
        Err(error) => missing.push(format!("files and ports (Landlock: {error})")),
    }
    enforced
}

fn restrict(permissions: &Permissions) -> Result<RestrictionStatus, RulesetError> {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(AccessNet::from_all(VERSION))?
        .scope(Scope::Signal)?;
    let ruleset = match permissions.abstract_sockets {
        true => ruleset,
        false => ruleset.scope(Scope::AbstractUnixSocket)?,
    };
    let mut ruleset = ruleset.create()?.all_threads(true)?;
    let removable = AccessFs::RemoveFile.into();
    for (places, access) in [
        (&permissions.readable, READ),
        (&permissions.writable, WRITE),
        (&permissions.removable, removable),
    ] {
        for place in places {
            permit(&mut ruleset, place, access);
        }
    }
    keep_own_process(&mut ruleset);
    for port in &permissions.ports {
        ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
    }
    ruleset.restrict_self()
}

/// Permits access to a file or below a directory. A place that does not exist, or has no rules of
/// access (a pipe), needs no permission.
fn permit(ruleset: &mut RulesetCreated, place: &Path, access: BitFlags<AccessFs>) {
    let Ok(opened) = PathFd::new(place) else {
        return;
    };
    let access = match place.is_dir() {
        true => access,
        false => access & AccessFs::from_file(VERSION),
    };
    let _ = ruleset.add_rule(PathBeneath::new(opened, access));
}

/// Permits reading about the own process, which the metrics do.
///
/// The kernel may forget a directory of `/proc` and make another one, for which the rule would not
/// hold. It does not forget one that is open, so this one stays open until the process ends.
fn keep_own_process(ruleset: &mut RulesetCreated) {
    permit(ruleset, Path::new(OWN_PROCESS), READ);
    if let Ok(opened) = PathFd::new(OWN_PROCESS) {
        std::mem::forget(opened);
    }
}

/// Returns the number of other threads, once those that are about to end have ended.
#[allow(
    clippy::disallowed_methods,
    reason = "the thread that sleeps serves no request yet"
)]
fn other_threads() -> usize {
    let count =
        || fs::read_dir("/proc/self/task").map_or(0, |threads| threads.count().saturating_sub(1));
    for _ in 0..MAX_WAITS {
        if count() == 0 {
            return 0;
        }
        sleep(Duration::from_millis(1));
    }
    count()
}
