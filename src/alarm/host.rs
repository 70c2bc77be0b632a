//! The name of this machine in messages.

/// Returns the host name of this machine.
pub(super) fn machine_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}
