//! Opens the listeners of an address.

use std::io;

use super::bound::Listener;
use crate::net::{inherited::Inherited, listener::listen_address::ListenAddress};

impl Listener {
    /// Binds `address`, or takes its sockets from the inherited ones.
    ///
    /// # Errors
    ///
    /// When the address is in use, also by another gate, cannot be resolved or must not be bound;
    /// or when no such socket was inherited.
    pub fn open(address: &ListenAddress, inherited: &mut Inherited) -> io::Result<Vec<Self>> {
        match address {
            ListenAddress::Tcp(text) => Self::bind_tcp(text),
            ListenAddress::Unix(path) => Ok(vec![Self::bind_unix(path)?]),
            ListenAddress::Systemd(name) => inherited.take(name.as_deref()),
        }
    }

    /// Opens `address` as [`Self::open`] does, but no other user can connect to the Unix socket of a
    /// path.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_private(
        address: &ListenAddress,
        inherited: &mut Inherited,
    ) -> io::Result<Vec<Self>> {
        match address {
            ListenAddress::Unix(path) => Ok(vec![Self::bind_private(path)?]),
            ListenAddress::Tcp(_) | ListenAddress::Systemd(_) => Self::open(address, inherited),
        }
    }

    /// Binds an address that stands for one socket, which must not be inherited.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn bind(address: &ListenAddress) -> io::Result<Self> {
        let mut listeners = Self::open(address, &mut Inherited::default())?;
        listeners
            .pop()
            .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}
