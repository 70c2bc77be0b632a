//! The reasons why a request of the sender gets no response.

use crate::net::connect::ConnectError;

/// The reason why there is no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// No connection was opened.
    #[error("no connection: {0}")]
    Connect(ConnectError),
    /// The timeout of the delivery ended.
    #[error("no response in time")]
    TimedOut,
    /// The server closed a new connection at once.
    #[error("the connection was closed at once")]
    Closed,
    /// The connection broke off.
    #[error("the connection broke off: {0}")]
    Broken(hyper::Error),
}
