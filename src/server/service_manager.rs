//! Notifications to systemd, or to another service manager with its protocol (`sd_notify(3)`).
//!
//! `sd-notify` spells the messages. The socket is our own, because the crate's blocks when the
//! manager does not read, and cannot be in the abstract namespace.

use std::{
    env, io,
    os::unix::net::{SocketAddr, UnixDatagram},
    path::Path,
    sync::Arc,
    time::Duration,
};

use sd_notify::NotifyState;

/// The service manager that started the gate. By default there is none.
#[derive(Debug, Clone, Default)]
pub struct ServiceManager {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Returns the service manager that `NOTIFY_SOCKET` and `WATCHDOG_USEC` of the environment
    /// name.
    ///
    /// # Errors
    ///
    /// When the environment names a socket that cannot be used.
    pub fn from_environment() -> io::Result<Self> {
        match env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) {
            Some(name) => Self::at(Path::new(&name), sd_notify::watchdog_enabled()),
            None => Ok(Self::default()),
        }
    }

    /// Returns the service manager that listens at `path`, or in the abstract namespace if `path`
    /// begins with `@`. It restarts the gate after `limit` without a sign of life.
    ///
    /// # Errors
    ///
    /// When no socket listens there.
    pub fn at(path: &Path, limit: Option<Duration>) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(path)?)?;
        // A manager that does not read its socket must not stop the gate.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Some(Arc::new(socket)),
            watchdog: limit
                .map(|limit| limit / 2)
                .filter(|every| !every.is_zero()),
        })
    }

    /// Returns the interval between signs of life, if the manager wants any.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Reports that the gate accepts connections or has applied a change, with a status line for
    /// people.
    pub fn ready(&self, status: &str) {
        self.notify(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// Reports that a reload begins. [`Self::ready`] follows, even if the old configuration stays.
    pub fn reloading(&self) {
        let status = NotifyState::Status("reloading");
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.notify(&[NotifyState::Reloading, now, status]),
            Err(error) => warn(&error),
        }
    }

    /// Reports that the gate drains.
    pub fn stopping(&self) {
        self.notify(&[NotifyState::Stopping, NotifyState::Status("draining")]);
    }

    /// Sends a sign of life.
    pub fn alive(&self) {
        self.notify(&[NotifyState::Watchdog]);
    }

    /// A lost message is no reason to stop serving: at worst the manager restarts the gate.
    fn notify(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else {
            return;
        };
        let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
        if let Err(error) = socket.send(lines.join("\n").as_bytes()) {
            warn(&error);
        }
    }
}

fn warn(error: &io::Error) {
    tracing::warn!(%error, "cannot notify the service manager");
}

fn address(path: &Path) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.as_os_str().as_encoded_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_reload_says_when_it_began_by_the_clock_that_systemd_uses() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("bound");
        let manager = ServiceManager::at(&path, None).expect("a listening socket");
        let micros = || {
            manager.reloading();
            let text = received(&socket);
            assert!(text.starts_with("RELOADING=1\n"), "{text}");
            let micros = text
                .lines()
                .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
            micros.expect("a time").parse::<f64>().expect("digits")
        };
        let (first, second) = (micros(), micros());
        let text = std::fs::read_to_string("/proc/uptime").expect("Linux");
        let uptime = text.split(' ').next().expect("a number");
        // Uptime also counts suspended time, and in hundredths of a second.
        let limit = (uptime.parse::<f64>().expect("a number") + 0.01) * 1e6;
        assert!(
            0.0 < first && first < second && second <= limit,
            "{first} {second} {limit}"
        );
    }

    #[test]
    fn an_abstract_name_is_told_from_a_path() {
        let name = format!("cartgate-test-{}", std::process::id());
        let address = address(Path::new(&format!("@{name}"))).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("bound");
        let path = format!("@{name}");
        let manager = ServiceManager::at(Path::new(&path), Some(Duration::from_secs(30)));
        let manager = manager.expect("a listening socket");
        manager.alive();
        assert_eq!(received(&socket), "WATCHDOG=1");
        assert_eq!(manager.watchdog(), Some(Duration::from_secs(15)));
    }

    #[test]
    fn nobody_listening_is_an_error_and_nobody_asked_for_is_not() {
        assert!(ServiceManager::at(Path::new("/nowhere/at/all"), None).is_err());
        ServiceManager::default().ready("x");
    }

    #[test]
    fn a_manager_that_does_not_read_does_not_stop_the_gate() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let _deaf = UnixDatagram::bind(&path).expect("bound");
        let manager = ServiceManager::at(&path, None).expect("a listening socket");
        (0..10_000).for_each(|_| manager.alive());
    }
}
