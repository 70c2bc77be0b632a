//! Asks a running gate to carry out orders on its inbox.

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

use super::{Answer, Order, socket};

/// A gate that takes orders.
#[derive(Debug)]
pub(crate) struct Client {
    socket: PathBuf,
}

/// Why an order came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("the gate's socket {} cannot be reached: {error}", .socket.display())]
    Unreachable { socket: PathBuf, error: io::Error },
    #[error("the gate broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// In its own words.
    #[error("{0}")]
    Refused(String),
    #[error("the gate speaks otherwise; is it of another version?")]
    Other,
}

impl Client {
    /// The gate whose store is this file; none where no gate runs.
    pub(crate) async fn find(file: &Path) -> Result<Option<Self>, AskError> {
        let client = Self {
            socket: socket(file),
        };
        match client.connect().await {
            Ok(_) => Ok(Some(client)),
            Err(AskError::Unreachable { error, .. }) if nobody_is_there(&error) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// What came of an order.
    pub(crate) async fn ask(&self, order: &Order) -> Result<Answer, AskError> {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its errors come back through the sender.
        tokio::spawn(connection);
        let order = serde_json::to_vec(order).map_err(|_| AskError::Other)?;
        let request = Request::post("/")
            .header(HOST, "localhost")
            .body(Full::new(Bytes::from(order)))
            .map_err(|_| AskError::Other)?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|_| AskError::Other),
            StatusCode::CONFLICT => {
                let text = String::from_utf8_lossy(&body).into_owned();
                Err(AskError::Refused(text))
            }
            _ => Err(AskError::Other),
        }
    }

    async fn connect(&self) -> Result<UnixStream, AskError> {
        let stream = UnixStream::connect(&self.socket).await;
        stream.map_err(|error| AskError::Unreachable {
            socket: self.socket.clone(),
            error,
        })
    }
}

/// No socket, or one that a killed gate left.
fn nobody_is_there(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind())
}
