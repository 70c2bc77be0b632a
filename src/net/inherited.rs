//! Listening sockets that systemd passes to the gate at its start (`sd_listen_fds(3)`). systemd
//! keeps listening while no gate runs.

use std::{env, io};

use listenfd::ListenFd;
use socket2::SockRef;

use crate::net::listener::Listener;

/// The inherited sockets that no listener uses yet, each with the name from its unit.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(Option<String>, Listener)>,
}

impl Inherited {
    /// Takes over the sockets that `LISTEN_FDS` announces. A process can call it once.
    ///
    /// # Errors
    ///
    /// When systemd passed something other than a listening stream socket.
    pub fn from_env() -> io::Result<Self> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(str::to_owned);
        let mut descriptors = ListenFd::from_env();
        let sockets = (0..descriptors.len())
            .map(|index| {
                let name = names.next().filter(|name| !name.is_empty());
                let listener = listener(&mut descriptors, index).map_err(|error| {
                    let shown = name.as_deref().unwrap_or("without a name");
                    let number = index + 1;
                    let text = format!("inherited socket {number} ({shown}): {error}");
                    io::Error::new(error.kind(), text)
                })?;
                Ok((name, listener))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { sockets })
    }

    /// Takes the sockets with this name (`FileDescriptorName=`), or all remaining ones.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn take(&mut self, name: Option<&str>) -> io::Result<Vec<Listener>> {
        let (taken, rest) = std::mem::take(&mut self.sockets)
            .into_iter()
            .partition::<Vec<_>, _>(|(own, _)| name.is_none() || own.as_deref() == name);
        self.sockets = rest;
        if taken.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, self.missing(name)));
        }
        Ok(taken.into_iter().map(|(_, listener)| listener).collect())
    }

    /// Describes why there is no socket with this name.
    fn missing(&self, name: Option<&str>) -> String {
        let names: Vec<_> = self
            .sockets
            .iter()
            .filter_map(|(name, _)| name.as_deref())
            .collect();
        match name {
            Some(name) if !names.is_empty() => format!(
                "no socket named {name} was inherited, only: {}",
                names.join(", ")
            ),
            Some(name) => format!(
                "no socket named {name} was inherited; start it with its socket unit, as in `systemctl enable --now cartgate.socket cartgate`"
            ),
            None => {
                "no socket was inherited: this works only under a systemd socket unit".to_owned()
            }
        }
    }
}

fn listener(descriptors: &mut ListenFd, index: usize) -> io::Result<Listener> {
    let unix = descriptors.take_unix_listener(index);
    if let Ok(Some(unix)) = unix {
        require_listening(&SockRef::from(&unix))?;
        return Listener::inherited_unix(unix);
    }
    let wrong_kind = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a TCP or Unix stream socket",
        )
    };
    let tcp = descriptors
        .take_tcp_listener(index)
        .map_err(|_| wrong_kind())?;
    let tcp = tcp.ok_or_else(wrong_kind)?;
    require_listening(&SockRef::from(&tcp))?;
    Listener::inherited_tcp(tcp)
}

/// Rejects a connection: a socket unit with `Accept=yes` passes each connection to a process of its
/// own, instead of the listening socket.
fn require_listening(socket: &SockRef<'_>) -> io::Result<()> {
    if socket.is_listener()? {
        return Ok(());
    }
    let text = "it does not listen; the socket unit must have Accept=no";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}
