//! Asks a gate's admin listener for its report, or for a reload.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION, uri::PathAndQuery};
use tower_cartgate::Secret;

use super::{Reloaded, Report};
use crate::{
    admin::CHANGE,
    client::{Answer, Client, NoAnswer, Outgoing},
    net::{
        address::Address,
        connect::{ConnectorError, Trust},
    },
};

/// The path of the report.
const STATUS: &str = "/status";

/// The path that takes requests for a reload.
const RELOAD: &str = "/reload";

/// More than a gate with thousands of endpoints has to say.
const LONGEST: usize = 4 * 1024 * 1024;

/// Asks one gate for its report.
pub struct Asker(Admin);

/// Requests a reload from one gate.
pub struct Reloader(Admin);

/// One path of one admin listener.
struct Admin {
    client: Client,
    headers: HeaderMap,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The gate gives no answer.
    #[error("{0}{step}", step = next_step(.0))]
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
    /// The gate is of a version without reloads by request.
    #[error("it takes no request for a reload; is it an older version?")]
    NoReload,
    /// The gate is about to end, or too many others ask.
    #[error("it drains, or too many others request a reload")]
    Leaving,
}

/// Where no connection came about, a gate may well run, but without an admin listener there.
fn next_step(reason: &NoAnswer) -> &'static str {
    match reason {
        NoAnswer::Connect(_) => {
            "; start the gate with --admin ADDR (in its file: [admin] listen = ADDR), and name that address here"
        }
        _ => "",
    }
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
        Admin::new(address, STATUS, token, timeout).map(Self)
    }

    /// The gate's report.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn ask(&self) -> Result<Report, AskError> {
        let answer = self.0.ask(Method::GET).await?;
        match answer.status {
            StatusCode::OK => read(&answer.beginning).ok_or(AskError::NoReport),
            other => Err(AskError::Status(other)),
        }
    }
}

impl Reloader {
    /// Requests reloads from the admin listener at `address`, and waits `timeout` for the result.
    ///
    /// # Errors
    ///
    /// As [`Asker::new`].
    pub fn new(
        address: &Address,
        token: Option<&Secret>,
        timeout: Duration,
    ) -> Result<Self, AskerError> {
        let mut admin = Admin::new(address, RELOAD, token, timeout)?;
        admin.headers.insert(CHANGE, HeaderValue::from_static("1"));
        Ok(Self(admin))
    }

    /// Requests a reload; returns its result once the gate has one.
    ///
    /// # Errors
    ///
    /// When the gate gives none.
    pub async fn reload(&self) -> Result<Reloaded, AskError> {
        let answer = self.0.ask(Method::POST).await?;
        match answer.status {
            StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY => {
                serde_json::from_slice(&answer.beginning).map_err(|_| AskError::NoReport)
            }
            StatusCode::NOT_FOUND => Err(AskError::NoReload),
            StatusCode::SERVICE_UNAVAILABLE => Err(AskError::Leaving),
            other => Err(AskError::Status(other)),
        }
    }
}

impl Admin {
    fn new(
        address: &Address,
        path: &'static str,
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
            client: client.to(PathAndQuery::from_static(path)).keeping(LONGEST),
            headers,
        })
    }

    /// Sends a request; returns the answer unless the gate refuses to give one.
    async fn ask(&self, method: Method) -> Result<Answer, AskError> {
        let question = Outgoing {
            method,
            headers: self.headers.clone(),
            target: None,
            body: Bytes::new(),
        };
        let answer = self.client.connection().deliver(question).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED => Err(AskError::Token),
            StatusCode::MISDIRECTED_REQUEST => Err(AskError::Name),
            _ => Ok(answer),
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
