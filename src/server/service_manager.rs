//! What systemd, or another service manager that speaks its protocol (`sd_notify(3)`), is told: that the
//! gate is there, takes up a change, ends, and is still alive. What is true of that, `serve` knows.

use std::{
    env, fmt, io,
    os::unix::net::{SocketAddr, UnixDatagram},
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Who started the gate, if they want to hear of it; the default is nobody.
#[derive(Debug, Clone, Default)]
pub struct ServiceManager {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that `NOTIFY_SOCKET` and `WATCHDOG_USEC` of the environment name.
    ///
    /// # Errors
    ///
    /// When there is such a socket and it cannot be used: who waits on it would wait in vain.
    pub fn from_environment() -> io::Result<Self> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let own =
            env::var("WATCHDOG_PID").map_or(true, |pid| pid.parse() == Ok(std::process::id()));
        let limit = env::var("WATCHDOG_USEC").ok().filter(|_| own);
        let limit = limit.and_then(|limit| limit.parse().ok());
        Self::at(Path::new(&name), limit.map(Duration::from_micros))
    }

    /// The one that listens at `path`, or in the abstract namespace where that begins with `@`. It gives the
    /// gate up after `limit` without a sign of life.
    ///
    /// # Errors
    ///
    /// When nobody listens there.
    pub fn at(path: &Path, limit: Option<Duration>) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(path)?)?;
        // Who does not read what it asked to be told must not stop the gate.
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Some(Arc::new(socket)),
            watchdog: limit
                .map(|limit| limit / 2)
                .filter(|every| !every.is_zero()),
        })
    }

    /// How often it wants a sign of life, if at all.
    #[must_use]
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The gate takes connections, or has taken up a change. `status` is a line for people.
    pub fn ready(&self, status: impl fmt::Display) {
        self.tell(format_args!("READY=1\nSTATUS={status}"));
    }

    /// A change is being taken up; [`Self::ready`] follows, also where the old stays in force.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = now.tv_sec.saturating_mul(1_000_000) + now.tv_nsec / 1000;
        self.tell(format_args!(
            "RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=reloading"
        ));
    }

    /// The gate lets what is under way end, and ends.
    pub fn stopping(&self) {
        self.tell(format_args!("STOPPING=1\nSTATUS=draining"));
    }

    /// The gate still answers.
    pub fn alive(&self) {
        self.tell(format_args!("WATCHDOG=1"));
    }

    /// A message that is lost is no reason to stop serving: at worst the gate is started anew.
    fn tell(&self, message: fmt::Arguments<'_>) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(message.to_string().as_bytes())
        {
            tracing::warn!(%error, "the service manager could not be told how the gate is");
        }
    }
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

    fn heard(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_reload_says_when_it_began_by_the_clock_that_systemd_uses() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("bound");
        let manager = ServiceManager::at(&path, None).expect("it listens");
        let micros = || {
            manager.reloading();
            let text = heard(&socket);
            assert!(text.starts_with("RELOADING=1\n"), "{text}");
            let micros = text
                .lines()
                .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
            micros.expect("a time").parse::<f64>().expect("digits")
        };
        let (first, second) = (micros(), micros());
        let text = std::fs::read_to_string("/proc/uptime").expect("Linux");
        let uptime = text.split(' ').next().expect("a number");
        // Uptime counts time asleep, too, and in hundredths.
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
        let manager = manager.expect("it listens");
        manager.alive();
        assert_eq!(heard(&socket), "WATCHDOG=1");
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
        let manager = ServiceManager::at(&path, None).expect("it listens");
        (0..10_000).for_each(|_| manager.alive());
    }
}
