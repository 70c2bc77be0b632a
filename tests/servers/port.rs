//! A TCP port that stays reserved for a test while nothing listens there.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use socket2::{Domain, Socket, Type};

/// A port that is bound and never listens: connections fail, no other process gets the port, and a
/// server that allows reuse of its address, as restartable servers do, can listen beside it.
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

    /// Listens there after the previous listener has closed.
    pub(crate) fn listen(&self) -> TcpListener {
        TcpListener::bind(self.address).expect("its own port")
    }
}
