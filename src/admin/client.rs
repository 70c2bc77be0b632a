//! The client of the API, for commands: over TCP, TLS or a Unix socket.

use std::{io, path::Path, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
    uri::PathAndQuery,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;
use tower_cartgate::Secret;

use super::{
    access::OWNER_HOST,
    api::{
        links::Link,
        problem::{PROBLEM, Problem},
    },
    status::{Reloaded, Report},
};
use crate::{
    client::{Client, Outgoing, ResponseSummary, SendError},
    net::{
        connect::{ConnectorError, Trust},
        destination_address::{Address, Transport},
    },
};

/// The limit of a response's body, which exceeds the largest body of a delivery.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// A client of the API of one gate.
pub(crate) struct AdminClient {
    client: Client,
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
        let mut client = Client::new(address, &Trust::Platform, timeout)?;
        if let Transport::Unix(_) = address.transport() {
            client = client.naming(OWNER_HOST);
        }
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = [b"Bearer ", token.expose()].concat();
            let mut value = HeaderValue::from_bytes(&value).map_err(|_| AdminClientError::Token)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self {
            client: client.without_target().keeping(MAX_BODY),
            headers,
        })
    }

    /// Returns a client of the gate that listens on a Unix socket, or none if no gate does.
    ///
    /// # Errors
    ///
    /// When this user may not connect to the socket, or it is not usable for another reason.
    pub(crate) async fn find(
        socket: &Path,
        timeout: Duration,
    ) -> Result<Option<Self>, AdminClientError> {
        match UnixStream::connect(socket).await {
            Ok(_) => Self::new(&Address::unix(socket), None, timeout).map(Some),
            Err(error) if is_unused(&error) => Ok(None),
            Err(error) => Err(AdminClientError::Socket {
                socket: socket.display().to_string(),
                error,
            }),
        }
    }

    /// Requests the report of the gate.
    ///
    /// # Errors
    ///
    /// When the gate sends none.
    pub(crate) async fn report(&self) -> Result<Report, AdminError> {
        let response = self.send_for_success(Method::GET, "/api/v1/status", None);
        parse_report(&response.await?)
    }

    /// Requests a reload; returns its result once the gate has one.
    ///
    /// # Errors
    ///
    /// When the gate sends none.
    pub(crate) async fn reload(&self) -> Result<Reloaded, AdminError> {
        let response = self.send(Method::POST, "/api/v1/reload", None).await?;
        match response.status {
            StatusCode::OK => parse(&response),
            StatusCode::UNPROCESSABLE_ENTITY if problem(&response).is_none() => parse(&response),
            _ => Err(failure(&response)),
        }
    }

    /// Requests a link that opens the console once.
    ///
    /// # Errors
    ///
    /// When the gate sends none.
    pub(crate) async fn link(&self) -> Result<String, AdminError> {
        let link: Link = self.post("/api/v1/links", &()).await?;
        Ok(link.link)
    }

    /// Sends a GET; returns the resource.
    ///
    /// # Errors
    ///
    /// When the gate returns another response.
    pub(crate) async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, AdminError> {
        parse(&self.send_for_success(Method::GET, target, None).await?)
    }

    /// Sends a GET; returns the bytes of the response.
    ///
    /// # Errors
    ///
    /// When the gate returns another response, or more bytes than a delivery can have.
    pub(crate) async fn get_bytes(&self, target: &str) -> Result<Bytes, AdminError> {
        let response = self.send_for_success(Method::GET, target, None).await?;
        if response.beginning.len() == MAX_BODY {
            return Err(AdminError::NotUnderstood);
        }
        Ok(response.beginning.into())
    }

    /// Sends a POST with a body; returns the resource in the response.
    ///
    /// # Errors
    ///
    /// When the gate returns another response.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        target: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminError> {
        let body = serde_json::to_vec(body).map_err(|_| AdminError::NotUnderstood)?;
        let response = self.send_for_success(Method::POST, target, Some(body.into()));
        parse(&response.await?)
    }

    /// Sends a DELETE; returns the resource in the response.
    ///
    /// # Errors
    ///
    /// When the gate returns another response.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, target: &str) -> Result<T, AdminError> {
        parse(&self.send_for_success(Method::DELETE, target, None).await?)
    }

    async fn send_for_success(
        &self,
        method: Method,
        target: &str,
        json: Option<Bytes>,
    ) -> Result<ResponseSummary, AdminError> {
        let response = self.send(method, target, json).await?;
        match response.status.is_success() {
            true => Ok(response),
            false => Err(failure(&response)),
        }
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        json: Option<Bytes>,
    ) -> Result<ResponseSummary, AdminError> {
        let target = PathAndQuery::try_from(target).map_err(|_| AdminError::NotUnderstood)?;
        let mut headers = self.headers.clone();
        if json.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = Outgoing {
            method,
            headers,
            target: Some(target),
            body: json.unwrap_or_default(),
        };
        Ok(self.client.connection().deliver(request).await?)
    }
}

fn parse<T: DeserializeOwned>(response: &ResponseSummary) -> Result<T, AdminError> {
    serde_json::from_slice(&response.beginning).map_err(|_| AdminError::NotUnderstood)
}

/// Parses a report. Every gate names its version in it, and other JSON servers do not.
fn parse_report(response: &ResponseSummary) -> Result<Report, AdminError> {
    let report: Report = parse(response)?;
    match report.version.is_empty() {
        false => Ok(report),
        true => Err(AdminError::NotUnderstood),
    }
}

fn problem(response: &ResponseSummary) -> Option<Problem> {
    let media_type = response.headers.get(CONTENT_TYPE)?;
    let is_problem = media_type.as_bytes() == PROBLEM.as_bytes();
    is_problem
        .then(|| serde_json::from_slice(&response.beginning).ok())
        .flatten()
}

fn failure(response: &ResponseSummary) -> AdminError {
    match (response.status, problem(response)) {
        (StatusCode::UNAUTHORIZED, _) => AdminError::Token,
        (StatusCode::MISDIRECTED_REQUEST, _) => AdminError::Host,
        // A program that knows no path of the API is no gate, or an old one.
        (_, Some(problem)) if problem.reason != "unknown-path" => AdminError::Problem(problem),
        (status, _) => AdminError::Status(status),
    }
}

/// Returns whether there is no socket, or only one that a killed gate left.
fn is_unused(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind())
}

/// The reason why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The gate sends no response.
    #[error("{0}{hint}", hint = hint(.0))]
    NoResponse(#[from] SendError),
    /// The gate requires a token, or another one.
    #[error(
        "the gate requires another token, or any; use --token-file FILE, or run this as root or as the gate's user"
    )]
    Token,
    /// The gate does not have this host name.
    #[error("the gate does not have this host name; use its address, or add the name to its hosts")]
    Host,
    /// The status is not one of this API.
    #[error("unexpected status {0}; is this an admin listener, and of this version?")]
    Status(StatusCode),
    /// The body has another form.
    #[error("the response is not understood; is this an admin listener?")]
    NotUnderstood,
    /// The gate rejects the request, in its own words.
    #[error("{}", .0.detail)]
    Problem(Problem),
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
    /// The socket exists but accepts no connection.
    #[error("cannot connect to the gate's socket {socket}: {error}")]
    Socket {
        /// The path.
        socket: String,
        /// The error.
        error: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn response(status: StatusCode, media_type: &'static str, body: &[u8]) -> ResponseSummary {
        ResponseSummary {
            status,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]),
            beginning: body.to_vec(),
            truncated: false,
            took: Duration::ZERO,
        }
    }

    #[test]
    fn reports_of_other_versions_are_understood() {
        let newer = br#"{"version":"9","now":7,"something":[{"else":1}]}"#;
        let newer = response(StatusCode::OK, "application/json", newer);
        let report = parse_report(&newer).expect("unknown fields are ignored");
        assert_eq!(report.now, 7);
        for other in [&b"{}"[..], b"[]", b"null", b"<html>", br#"{"version":1}"#] {
            let response = response(StatusCode::OK, "text/html", other);
            assert!(parse_report(&response).is_err());
        }
    }

    #[test]
    fn an_error_of_the_gate_is_shown_in_its_words() {
        let json = br#"{"title":"Conflict","status":409,"detail":"it drains","reason":"drains"}"#;
        let conflict = response(StatusCode::CONFLICT, PROBLEM, json);
        assert_eq!(failure(&conflict).to_string(), "it drains");
        let other = response(StatusCode::CONFLICT, "text/html", b"<html>");
        assert!(failure(&other).to_string().contains("409"));
        let older = response(StatusCode::NOT_FOUND, "text/plain", b"Not Found\n");
        assert!(failure(&older).to_string().contains("version"));
    }
}
