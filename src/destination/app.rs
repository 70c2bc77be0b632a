//! A protected app as a destination of deliveries.

use std::{fmt, sync::Arc};

use tokio::time::timeout;

use super::{header_fault::FaultLog, pool::Pool, settings::Settings};
use crate::net::{
    connect::{Connector, ConnectorError},
    destination_address::Address,
};

/// A protected app.
pub struct Destination {
    /// The name in logs.
    pub name: Arc<str>,
    pub(super) address: Address,
    pub(super) connector: Connector,
    pub(super) settings: Settings,
    /// One pool per worker, so that no request waits for another worker, and a last one for the
    /// inbox's dispatcher.
    pub(super) pools: Box<[Pool]>,
    /// Logs the tolerated faults of its responses.
    pub(super) faults: FaultLog,
}

impl Destination {
    /// Creates a destination that this number of workers delivers to.
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
                .map(|_| Pool::new(settings.idle_timeout))
                .collect(),
            address,
            settings,
            faults: FaultLog::default(),
        })
    }

    /// Creates a destination whose connections a simulation opens.
    #[cfg(test)]
    pub(crate) fn simulated(name: &str, settings: Settings, connector: Connector) -> Self {
        let address = "http://simulated.example".parse();
        Self {
            name: name.into(),
            connector,
            pools: [Pool::new(settings.idle_timeout)].into(),
            address: address.expect("an address"),
            settings,
            faults: FaultLog::default(),
        }
    }

    /// Returns the worker number with which the inbox's dispatcher delivers.
    pub(crate) fn dispatcher(&self) -> usize {
        self.pools.len() - 1
    }

    /// Opens a connection within the timeout, including TLS, and closes it.
    pub(crate) async fn reach(&self) -> Result<(), String> {
        let limit = self.settings.connect_timeout;
        match timeout(limit, self.connector.connect(limit)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no connection in time".to_owned()),
        }
    }

    /// Returns the address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
