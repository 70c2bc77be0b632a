//! Asks a gate's admin listener for its report.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION, uri::PathAndQuery};
use tower_cartgate::Secret;

use super::Report;
use crate::{
    destination::{Address, ConnectorError, Trust},
    sender::{Client, NoAnswer, Outgoing},
};

/// Where a report stands.
const PATH: &str = "/status";

/// More than a gate with thousands of endpoints has to say.
const LONGEST: usize = 4 * 1024 * 1024;

/// Asks one gate.
pub struct Asker {
    client: Client,
    headers: HeaderMap,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The gate gives no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// It wants another token, or any.
    #[error("it wants a token, or another than this one; name its file by --token-file")]
    Token,
    /// It is not called so.
    #[error("it is not known by this name; ask by its address, or list the name among its hosts")]
    Name,
    /// Something else listens there.
    #[error("it answers {0}, as no admin listener does")]
    Status(StatusCode),
    /// Something else listens there.
    #[error("its answer is no report of a gate")]
    NoReport,
}

impl Asker {
    /// Asks the admin listener at `address`, whose path does not matter, within `timeout`.
    ///
    /// # Errors
    ///
    /// When TLS cannot be verified, or the token cannot stand in a header.
    pub fn new(
        address: &Address,
        token: Option<&Secret>,
        timeout: Duration,
    ) -> Result<Self, AskerError> {
        let client = Client::new(address, &Trust::Platform, timeout)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = [b"Bearer ", token.expose()].concat();
            let mut value = HeaderValue::from_bytes(&value).map_err(|_| AskerError::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            client: client.to(PathAndQuery::from_static(PATH)).keeping(LONGEST),
            headers,
        })
    }

    /// The gate's report.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn ask(&self) -> Result<Report, AskError> {
        let question = Outgoing {
            method: Method::GET,
            headers: self.headers.clone(),
            target: None,
            body: Bytes::new(),
        };
        let answer = self.client.connection().deliver(question).await?;
        match answer.status {
            StatusCode::OK => read(&answer.beginning).ok_or(AskError::NoReport),
            StatusCode::UNAUTHORIZED => Err(AskError::Token),
            StatusCode::MISDIRECTED_REQUEST => Err(AskError::Name),
            other => Err(AskError::Status(other)),
        }
    }
}

fn read(json: &[u8]) -> Option<Report> {
    let report: Report = serde_json::from_slice(json).ok()?;
    (!report.version.is_empty()).then_some(report)
}

/// Why a gate cannot even be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskerError {
    /// TLS cannot be verified.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The token holds what no header can.
    #[error("the token holds a character that a header cannot carry")]
    Token,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_of_other_versions_are_understood_and_other_servers_are_not() {
        let newer = br#"{"version":"9","now":7,"something":[{"else":1}]}"#;
        assert_eq!(read(newer).map(|report| report.now), Some(7));
        for other in [&b"{}"[..], b"[]", b"null", b"<html>", br#"{"version":1}"#] {
            assert_eq!(read(other), None);
        }
    }
}
