//! The client of admin listeners: requests the report of a gate, or a reload.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION, uri::PathAndQuery};
use tower_cartgate::Secret;

use super::{
    access::CHANGE,
    status::{Reloaded, Report},
};
use crate::{
    client::{Client, Outgoing, ResponseSummary, SendError},
    net::{
        connect::{ConnectorError, Trust},
        destination_address::Address,
    },
};

/// The path of the report.
const STATUS: &str = "/status";

/// The path of reloads.
const RELOAD: &str = "/reload";

/// The limit of a response's body, which exceeds the report of a gate with thousands of endpoints.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// A client of one admin listener.
pub(crate) struct AdminClient {
    status: Client,
    reload: Client,
    headers: HeaderMap,
}

impl AdminClient {
    /// Returns a client of the admin listener at `address`, whose path does not matter. Each
    /// request may take `timeout`.
    ///
    /// # Errors
    ///
    /// When TLS cannot be verified, or no header can carry the token.
    pub(crate) fn new(
        address: &Address,
        token: Option<&Secret>,
        timeout: Duration,
    ) -> Result<Self, AdminClientError> {
        let client = |path| {
            let client = Client::new(address, &Trust::Platform, timeout)?;
            let client = client.to(PathAndQuery::from_static(path));
            Ok::<_, ConnectorError>(client.keeping(MAX_BODY))
        };
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = [b"Bearer ", token.expose()].concat();
            let mut value = HeaderValue::from_bytes(&value).map_err(|_| AdminClientError::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            status: client(STATUS)?,
            reload: client(RELOAD)?,
            headers,
        })
    }

    /// Requests the report of the gate.
    ///
    /// # Errors
    ///
    /// When the gate sends none.
    pub(crate) async fn report(&self) -> Result<Report, AdminError> {
        let response = send(&self.status, Method::GET, self.headers.clone()).await?;
        match response.status {
            StatusCode::OK => parse_report(&response.beginning).ok_or(AdminError::NoReport),
            other => Err(AdminError::Status(other)),
        }
    }

    /// Requests a reload; returns its result once the gate has one.
    ///
    /// # Errors
    ///
    /// When the gate sends none.
    pub(crate) async fn reload(&self) -> Result<Reloaded, AdminError> {
        let mut headers = self.headers.clone();
        headers.insert(CHANGE, HeaderValue::from_static("1"));
        let response = send(&self.reload, Method::POST, headers).await?;
        match response.status {
            StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY => {
                serde_json::from_slice(&response.beginning).map_err(|_| AdminError::NoReport)
            }
            StatusCode::NOT_FOUND => Err(AdminError::NoReload),
            StatusCode::SERVICE_UNAVAILABLE => Err(AdminError::Unavailable),
            other => Err(AdminError::Status(other)),
        }
    }
}

/// Sends a request; returns the response unless the listener rejects the token or the host.
async fn send(
    client: &Client,
    method: Method,
    headers: HeaderMap,
) -> Result<ResponseSummary, AdminError> {
    let request = Outgoing {
        method,
        headers,
        target: None,
        body: Bytes::new(),
    };
    let response = client.connection().deliver(request).await?;
    match response.status {
        StatusCode::UNAUTHORIZED => Err(AdminError::Token),
        StatusCode::MISDIRECTED_REQUEST => Err(AdminError::Host),
        _ => Ok(response),
    }
}

fn parse_report(json: &[u8]) -> Option<Report> {
    let report: Report = serde_json::from_slice(json).ok()?;
    (!report.version.is_empty()).then_some(report)
}

/// The reason why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The gate sends no response.
    #[error("{0}{hint}", hint = hint(.0))]
    NoResponse(#[from] SendError),
    /// The gate requires a token, or another one.
    #[error("the gate requires another token, or any; use --token-file FILE")]
    Token,
    /// The gate does not have this host name.
    #[error("the gate does not have this host name; use its address, or add the name to its hosts")]
    Host,
    /// The status is not one of an admin listener.
    #[error("unexpected status {0}; is this an admin listener?")]
    Status(StatusCode),
    /// The body is not a report.
    #[error("the response is not a report; is this an admin listener?")]
    NoReport,
    /// The gate's version has no reloads on request.
    #[error("the gate cannot reload on request; is it an older version?")]
    NoReload,
    /// The gate drains, or too many clients request a reload.
    #[error("the gate drains, or too many clients request a reload")]
    Unavailable,
}

/// Returns a hint for a failed connection: perhaps the gate runs without an admin listener.
fn hint(reason: &SendError) -> &'static str {
    match reason {
        SendError::Connect(_) => {
            "; start the gate with --admin ADDR (in its file: [admin] listen = ADDR), and use that address here"
        }
        _ => "",
    }
}

/// The reason why there cannot be a client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminClientError {
    /// TLS cannot be verified.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The token contains a character that a header cannot carry.
    #[error("the token contains a character that a header cannot carry")]
    Token,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_of_other_versions_are_understood_and_other_servers_are_not() {
        let newer = br#"{"version":"9","now":7,"something":[{"else":1}]}"#;
        assert_eq!(parse_report(newer).map(|report| report.now), Some(7));
        for other in [&b"{}"[..], b"[]", b"null", b"<html>", br#"{"version":1}"#] {
            assert_eq!(parse_report(other), None);
        }
    }
}
