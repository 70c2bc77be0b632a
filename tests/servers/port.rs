//! A TCP port that stays a test's own while nobody listens there.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

/// Bound and never listening: connections are refused, nobody else gets the number, and a server that allows reuse of
/// its address, as all do that mean to be restarted, can listen beside it.
pub(crate) struct Port {
    address: SocketAddr,
    _kept: Socket,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let bind = || -> io::Result<Self> {
            let kept = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            kept.set_reuse_address(true)?;
            kept.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
            let address = kept.local_addr()?.as_socket().expect("bound to TCP");
            Ok(Self {
                address,
                _kept: kept,
            })
        };
        bind().expect("a port")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens there; whoever did before has left.
    pub(crate) fn listen(&self) -> TcpListener {
        TcpListener::bind(self.address).expect("its own port")
    }
}
