//! The files of the machine that libraries read while a gate runs: those of name resolution, trusted
//! certificates, time zones, shared libraries and the process itself.

use std::path::PathBuf;

use rustix::process::geteuid;

/// Files and directories that every gate may read.
const ALWAYS: [&str; 31] = [
    // Name resolution; programs that configure a network replace their files.
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/systemd/resolve",
    // Libraries of glibc that it opens at the first look-up, and their index.
    "/etc/ld.so.cache",
    "/gnu/store",
    "/lib",
    "/lib64",
    "/nix/store",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    // Certificate authorities, as rustls finds them.
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
    // Time zones.
    "/etc/localtime",
    "/usr/share/zoneinfo",
    // The limits of the control group.
    "/sys/fs/cgroup",
    // Randomness on systems without the system call.
    "/dev/urandom",
];

/// Variables that name other certificate authorities.
const TRUST_VARIABLES: [&str; 2] = ["SSL_CERT_DIR", "SSL_CERT_FILE"];

/// Returns the files and directories that libraries read.
///
/// A program that changes `/etc/hosts` or `/etc/resolv.conf` often replaces the file, and Landlock
/// permits the old file and not its name. A gate of an ordinary user may therefore read all of `/etc`,
/// where modes protect what is secret. They do not protect it from root, so a gate of root may not.
pub(super) fn readable() -> impl Iterator<Item = PathBuf> {
    let of_user = (!geteuid().is_root()).then(|| PathBuf::from("/etc"));
    let named = TRUST_VARIABLES.iter().filter_map(std::env::var_os);
    let named: Vec<PathBuf> = named
        .flat_map(|list| std::env::split_paths(&list).collect::<Vec<_>>())
        .collect();
    ALWAYS.iter().map(PathBuf::from).chain(of_user).chain(named)
}
