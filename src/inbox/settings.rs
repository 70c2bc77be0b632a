//! The settings of an inbox as a whole. Those of one destination belong to its
//! [`Queue`](super::queue::Queue).

use std::{path::PathBuf, time::Duration};

use tower_cartgate::Secret;

pub use crate::inbox::store_address::{StoreAddress, StoreAddressError};

/// The settings of an inbox.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the store.
    pub store: StoreAddress,
    /// The password of PostgreSQL.
    pub password: Option<Secret>,
    /// The authorities of PostgreSQL's certificate; by default those that this machine trusts.
    pub ca_file: Option<PathBuf>,
    /// The key of the seals. By default, SQLite makes one beside its file. PostgreSQL needs one,
    /// the same for each gate.
    pub key: Option<Secret>,
    /// The key that encrypts bodies and heads at rest.
    pub encryption: Option<Secret>,
    /// The limits of the store.
    pub limits: Limits,
    /// The time for which delivered events stay stored.
    pub retain: Duration,
}

/// The limits of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of events.
    pub events: u64,
    /// The bytes of bodies and heads.
    pub bytes: u64,
    /// The bytes that stay free on the disk of an SQLite file.
    pub disk_floor: u64,
    /// The undelivered copies of one body.
    pub copies: u32,
}

impl Settings {
    /// Makes the default settings of a store.
    #[must_use]
    pub fn new(store: StoreAddress) -> Self {
        Self {
            store,
            password: None,
            ca_file: None,
            key: None,
            encryption: None,
            limits: Limits::default(),
            retain: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 1_000_000,
            bytes: 4 << 30,
            disk_floor: 256 << 20,
            copies: 16,
        }
    }
}
