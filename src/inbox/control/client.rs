//! Sends commands to the gate that has an inbox open.

use std::{
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{command::Command, response::CommandResponse, socket::socket_path};

/// A client of a running gate.
#[derive(Debug)]
pub(crate) struct Client {
    socket: PathBuf,
}

/// A command got no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("cannot connect to the gate's socket {}: {error}", .socket.display())]
    Unreachable { socket: PathBuf, error: io::Error },
    #[error("the connection to the gate broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// The gate's own words.
    #[error("{0}")]
    Rejected(String),
    #[error("the gate does not understand the command; is it of another version?")]
    Version,
}

impl Client {
    /// Returns a client of the gate whose store is `file`, or none if no gate runs on it.
    pub(crate) async fn find(file: &Path) -> Result<Option<Self>, ClientError> {
        let client = Self {
            socket: socket_path(file),
        };
        match client.connect().await {
            Ok(_) => Ok(Some(client)),
            Err(ClientError::Unreachable { error, .. }) if is_unused(&error) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Sends a command and returns the response.
    pub(crate) async fn send(&self, command: &Command) -> Result<CommandResponse, ClientError> {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The sender returns its errors.
        tokio::spawn(connection);
        let command = serde_json::to_vec(command).map_err(|_| ClientError::Version)?;
        let request = Request::post("/")
            .header(HOST, "localhost")
            .body(Full::new(Bytes::from(command)))
            .map_err(|_| ClientError::Version)?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|_| ClientError::Version),
            StatusCode::CONFLICT => {
                let text = String::from_utf8_lossy(&body).into_owned();
                Err(ClientError::Rejected(text))
            }
            _ => Err(ClientError::Version),
        }
    }

    async fn connect(&self) -> Result<UnixStream, ClientError> {
        let stream = UnixStream::connect(&self.socket).await;
        stream.map_err(|error| ClientError::Unreachable {
            socket: self.socket.clone(),
            error,
        })
    }
}

/// Returns whether there is no socket, or only one that a killed gate left.
fn is_unused(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind())
}
