//! A transaction as its jobs see it.

use rusqlite::{CachedStatement, Connection};

use super::error::JobError;
use crate::{
    delivery::seal::DeliverySeals,
    inbox::{
        settings::Limits,
        store::{
            error::{Limit, StoreError},
            usage::Usage,
        },
    },
    runtime::clock::Millis,
};

/// The resources of a job.
pub(super) struct Tx<'a> {
    pub(super) db: &'a Connection,
    pub(super) now: Millis,
    pub(super) limits: &'a Limits,
    pub(super) seals: &'a DeliverySeals,
    /// Whether the disk has more free space than its floor.
    pub(super) has_disk_space: bool,
    /// Why the store rejects arrivals, if it does.
    pub(super) rejects_arrivals: Option<&'a StoreError>,
    pub(super) usage: Usage,
}

impl Tx<'_> {
    /// Runs a statement without parameters.
    pub(super) fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.statement(sql)?.execute([]).map(drop)
    }

    /// Prepares a statement, once for each connection.
    pub(super) fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.db.prepare_cached(sql)
    }

    /// Checks that the store accepts arrivals.
    pub(super) fn accept_arrivals(&self) -> Result<(), StoreError> {
        self.rejects_arrivals
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Adds an event of so many bytes to the totals.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] if there is no room for it.
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<(), JobError> {
        if !self.has_disk_space {
            return Err(StoreError::Full(Limit::Disk).into());
        }
        Ok(self.usage.add(bytes, self.limits)?)
    }
}
