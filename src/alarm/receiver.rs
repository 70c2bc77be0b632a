//! A receiver of alarms, and one request to it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode, Uri,
    header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT},
    uri::PathAndQuery,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{
    host::machine_name,
    message::{AlarmFormat, AlarmMessage},
    severity::Severity,
};
use crate::{
    destination::webhooks::Signer,
    net::{
        connect::{ConnectError, Connector, ConnectorError, Trust},
        destination_address::Address,
    },
};

/// The limit of the time for one request and its response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The limits of a response's body, whose content does not matter.
const MAX_BODY: usize = 64 * 1024;
const REST: Duration = Duration::from_secs(1);

const AGENT: &str = concat!("cartgate/", env!("CARGO_PKG_VERSION"));

/// A receiver of alarms.
pub struct AlarmReceiver {
    /// Its name in logs, metrics and records.
    pub name: String,
    /// The format of its messages.
    pub format: AlarmFormat,
    /// The least severity that it gets.
    pub severity: Severity,
    /// The least time between two alarms of one condition and subject.
    pub cool_down: Duration,
    /// Its URL. The path may be a secret.
    address: Address,
    connector: Connector,
    signer: Option<Signer>,
}

/// The reason why a receiver did not get a message. It never contains the path of the URL.
#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    /// No connection was opened.
    #[error("{0}")]
    Connect(ConnectError),
    /// The response is no HTTP, or ended early.
    #[error("no usable response: {0}")]
    Response(hyper::Error),
    /// There was no response in time.
    #[error("no response within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// The response redirects to another URL, which may not be the operator's.
    #[error("status {0}: redirects are not followed; name the final URL")]
    Redirect(StatusCode),
    /// The response is no success.
    #[error("status {0}")]
    Status(StatusCode),
}

impl AlarmError {
    /// Whether another attempt can succeed without a change of the configuration.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Response(_) | Self::Timeout => true,
            Self::Redirect(_) => false,
            Self::Status(status) => {
                !status.is_client_error() || matches!(status.as_u16(), 408 | 425 | 429)
            }
        }
    }
}

impl AlarmReceiver {
    /// Makes a receiver with defaults for the rest. Its name is the host of the URL.
    ///
    /// # Errors
    ///
    /// When the authorities for its certificate cannot be used.
    pub fn new(address: Address, trust: &Trust) -> Result<Self, ConnectorError> {
        Ok(Self {
            name: address.host().to_str().unwrap_or_default().to_owned(),
            format: AlarmFormat::default(),
            severity: Severity::default(),
            cool_down: Self::COOL_DOWN,
            connector: Connector::new(&address, trust)?,
            address,
            signer: None,
        })
    }

    /// The default of [`cool_down`](Self::cool_down).
    pub const COOL_DOWN: Duration = Duration::from_secs(15 * 60);

    /// Signs each message as Standard Webhooks.
    #[must_use]
    pub fn signed_by(self, signer: Option<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Returns its address, whose path may be a secret.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the host and port of its URL, or its socket. The path may be a secret.
    #[must_use]
    pub fn place(&self) -> String {
        self.address.transport().to_string()
    }

    /// Sends a test message once.
    ///
    /// # Errors
    ///
    /// When the receiver did not accept it.
    pub async fn test(&self) -> Result<(), AlarmError> {
        let message = AlarmMessage::new(&machine_name(), Vec::new());
        self.send(&message).await
    }

    /// Sends a message once.
    pub(super) async fn send(&self, message: &AlarmMessage) -> Result<(), AlarmError> {
        let status = match timeout(TIMEOUT, self.exchange(message)).await {
            Ok(exchanged) => exchanged?,
            Err(_) => return Err(AlarmError::Timeout),
        };
        if status.is_success() {
            Ok(())
        } else if status.is_redirection() {
            Err(AlarmError::Redirect(status))
        } else {
            Err(AlarmError::Status(status))
        }
    }

    async fn exchange(&self, message: &AlarmMessage) -> Result<StatusCode, AlarmError> {
        let request = self.request(message).await;
        let connected = self.connector.connect(TIMEOUT).await;
        let stream = connected.map_err(AlarmError::Connect)?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(AlarmError::Response)?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            // A receiver that is cut off may log an error, so its short response is read. A longer
            // one is no reason to send the message again.
            let rest = Limited::new(response.into_body(), MAX_BODY).collect();
            let _ = timeout(REST, rest).await;
            Ok(status)
        };
        tokio::pin!(connection);
        tokio::select! {
            biased;
            status = exchange => status.map_err(AlarmError::Response),
            // The request has its response, or the error of the connection.
            Err(error) = &mut connection => Err(AlarmError::Response(error)),
        }
    }

    async fn request(&self, message: &AlarmMessage) -> Request<Full<Bytes>> {
        let body = message.body(self.format);
        let target = self.address.target().cloned();
        let target = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = Uri::from(target);
        let headers = request.headers_mut();
        headers.insert(HOST, self.address.host().clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let content_type = HeaderValue::from_static(self.format.content_type());
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(signer) = &self.signer {
            let id = message.id.to_string();
            for (name, value) in signer.sign(&id, SystemTime::now(), &[body]).await {
                let value = HeaderValue::try_from(value);
                headers.insert(
                    name,
                    value.expect("ids, numbers and Base64 are header values"),
                );
            }
        }
        request
    }
}

impl fmt::Debug for AlarmReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AlarmReceiver");
        shown
            .field("name", &self.name)
            .field("place", &self.place());
        shown.finish_non_exhaustive()
    }
}
