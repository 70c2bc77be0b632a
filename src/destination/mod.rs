//! The protected applications: where they are (`address`), how a connection to them is opened
//! (`connect` with `dial`), used (`link`) and kept (`pool`), what a delivery carries (`clean` by `header_policy`, then `dress` with `client_account`, `trace`,
//! `host`, `fixed_headers`, signed anew by `webhooks`, and written by `head`), and one try to hand it over (`attempt`), whose
//! answer is waited for (`awaited`), understood (`answer_head` with `header_lines`, `response_framing` and `header_fault`;
//! `length`) and passed on as it comes (`answer`). Only a `Delivery` gets in here.

mod attempt;
mod client_account;
mod fixed_headers;
mod header_fault;
mod header_lines;
mod host;
mod pool;
mod response_framing;
pub mod webhooks;

pub(crate) mod body_decoder;
pub(crate) mod connection;
pub(crate) mod head_writer;
pub(crate) mod meter;
pub(crate) mod request_headers;
pub(crate) mod response;
pub(crate) mod response_future;
pub(crate) mod response_head;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub(crate) use attempt::AttemptError;
pub use fixed_headers::{FixedHeaderError, FixedHeaders};
use header_fault::FaultLog;
pub use host::{HostError, HostRule};
use pool::Pool;
pub(crate) use response::Answer;
use tokio::time::timeout;

use crate::net::{
    address::Address,
    connect::{Connector, ConnectorError, Trust},
};

/// A protected application.
pub struct Destination {
    /// What logs call it.
    pub name: Arc<str>,
    address: Address,
    connector: Connector,
    settings: Settings,
    /// One for each worker, so that a request never waits for another worker's, and the last for the inbox's dispatcher.
    pools: Box<[Pool]>,
    /// The faults of its responses that were tolerated.
    faults: FaultLog,
}

/// How a destination is treated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose certificate is believed.
    pub trust: Trust,
    /// Which `Host` it is sent.
    pub host: HostRule,
    /// What each delivery carries for it alone.
    pub headers: FixedHeaders,
    /// Signs each attempt anew as Standard Webhooks, where that was asked.
    pub sign: Option<webhooks::Signer>,
    /// How long a connection may take to open.
    pub connect: Duration,
    /// How long an answer may take to begin.
    pub answer: Duration,
    /// How long an answer may pause, and how long an app that has answered may take to read the rest
    /// of the delivery.
    pub pause: Duration,
    /// How long an unused connection is kept. Below the 5 s after which Node closes its own, so that
    /// a delivery is not written into a closing connection.
    pub idle: Duration,
    /// How long a connection is used in all, less up to a tenth by chance. A connection in constant use would never follow
    /// a name that has moved, nor reach an app that was added.
    pub age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trust: Trust::Platform,
            host: HostRule::default(),
            headers: FixedHeaders::default(),
            sign: None,
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            pause: Duration::from_secs(30),
            idle: Duration::from_secs(3),
            age: Duration::from_secs(60),
        }
    }
}

impl Destination {
    /// A destination that so many workers deliver to.
    ///
    /// # Errors
    ///
    /// When its certificate could not be verified: see [`Connector::new`].
    pub fn new(
        name: &str,
        address: Address,
        settings: Settings,
        workers: usize,
    ) -> Result<Self, ConnectorError> {
        Ok(Self {
            name: name.into(),
            connector: Connector::new(&address, &settings.trust)?,
            pools: (0..workers.max(1) + 1)
                .map(|_| Pool::new(settings.idle))
                .collect(),
            address,
            settings,
            faults: FaultLog::default(),
        })
    }

    /// As which worker the inbox's dispatcher delivers.
    pub(crate) fn dispatcher(&self) -> usize {
        self.pools.len() - 1
    }

    /// Opens a connection within the limit, TLS included, and closes it again.
    pub(crate) async fn reach(&self) -> Result<(), String> {
        let limit = self.settings.connect;
        match timeout(limit, self.connector.connect(limit)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no connection in time".to_owned()),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
