//! TLS to PostgreSQL, by the same rules as to destinations: the certificate is always verified,
//! with the host's name.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Socket,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_rustls::{TlsConnector, client};

use crate::net::connect::{ConnectorError, Trust, client_config};

#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

pub(super) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

pub(super) struct Wrapped(client::TlsStream<Socket>);

impl Tls {
    pub(super) fn new(trust: &Trust) -> Result<Self, ConnectorError> {
        Ok(Self(TlsConnector::from(Arc::new(client_config(trust)?))))
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Wrapped;
    type TlsConnect = Handshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, InvalidDnsNameError> {
        Ok(Handshake {
            connector: self.0.clone(),
            name: ServerName::try_from(host.to_owned())?,
        })
    }
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Wrapped;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Wrapped>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move { Ok(Wrapped(self.connector.connect(self.name, socket).await?)) })
    }
}

impl TlsStream for Wrapped {
    /// Channel binding would authenticate the server a second time; its certificate is verified.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Wrapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
