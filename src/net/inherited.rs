//! Sockets that the gate did not open: systemd listens for it, also while it is not there, and hands them
//! over at its start (`sd_listen_fds(3)`). They become listeners like any other; only their files stay.

use std::{env, io};

use listenfd::ListenFd;
use socket2::SockRef;

use crate::net::listener::Listener;

/// The sockets that were handed over and not yet asked for, each with the name that its unit gave it.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<(Option<String>, Listener)>,
}

impl Inherited {
    /// Takes over what `LISTEN_FDS` announces. That works once a process.
    ///
    /// # Errors
    ///
    /// When something other than a listening stream socket was handed over.
    pub fn take() -> io::Result<Self> {
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

    /// Gives out the sockets of that name (`FileDescriptorName=`), or all that are left.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn give(&mut self, wanted: Option<&str>) -> io::Result<Vec<Listener>> {
        let is_wanted = |name: &Option<String>| wanted.is_none() || name.as_deref() == wanted;
        let (given, left) = std::mem::take(&mut self.sockets)
            .into_iter()
            .partition::<Vec<_>, _>(|(name, _)| is_wanted(name));
        self.sockets = left;
        if given.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                self.nothing(wanted),
            ));
        }
        Ok(given.into_iter().map(|(_, listener)| listener).collect())
    }

    fn nothing(&self, wanted: Option<&str>) -> String {
        let names: Vec<_> = self
            .sockets
            .iter()
            .filter_map(|(name, _)| name.as_deref())
            .collect();
        match wanted {
            Some(wanted) if !names.is_empty() => format!(
                "no socket named {wanted} was inherited, only: {}",
                names.join(", ")
            ),
            Some(wanted) => format!("no socket named {wanted} was inherited"),
            None => {
                "no socket was inherited: this works only under a systemd socket unit".to_owned()
            }
        }
    }
}

fn listener(descriptors: &mut ListenFd, index: usize) -> io::Result<Listener> {
    let unix = descriptors.take_unix_listener(index);
    if let Ok(Some(unix)) = unix {
        must_listen(&SockRef::from(&unix))?;
        return Listener::inherited_unix(unix);
    }
    let kind = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a TCP or Unix stream socket",
        )
    };
    let tcp = descriptors.take_tcp_listener(index).map_err(|_| kind())?;
    let tcp = tcp.ok_or_else(kind)?;
    must_listen(&SockRef::from(&tcp))?;
    Listener::inherited_tcp(tcp)
}

/// `Accept=yes` in a socket unit hands over connections, one a process, instead of the socket.
fn must_listen(socket: &SockRef<'_>) -> io::Result<()> {
    if socket.is_listener()? {
        return Ok(());
    }
    let text = "it does not listen; the socket unit must have Accept=no";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}
