//! A store that commits when a test says so, for the tests of the intake.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    delivery::event::{Arrival, Claim, InsertOutcome, Lease, ProbeCursor, SealedEvent, Settlement},
    inbox::store::{
        Cursor, DeliveryRow, ListOrder, Selection, Stats, Store, StoreError, StoreFuture,
    },
    runtime::clock::Millis,
};

/// A store whose commits a test controls.
#[derive(Debug)]
pub(crate) struct HeldStore {
    /// Gets a permit for each arrival.
    pub(crate) begun: Arc<Semaphore>,
    /// Each permit allows one commit.
    pub(crate) commit: Arc<Semaphore>,
    pub(crate) committed: Arc<Mutex<Vec<SealedEvent>>>,
    /// The error of each commit.
    pub(crate) refusal: Mutex<Option<StoreError>>,
}

impl Default for HeldStore {
    fn default() -> Self {
        Self {
            begun: Arc::new(Semaphore::new(0)),
            commit: Arc::new(Semaphore::new(0)),
            committed: Arc::default(),
            refusal: Mutex::default(),
        }
    }
}

fn not_here<T>() -> StoreFuture<'static, T> {
    Box::pin(async { Err(StoreError::Unavailable("not in these tests".into())) })
}

impl Store for HeldStore {
    fn insert(&self, arrival: Arrival, held: Box<dyn Send>) -> StoreFuture<'static, InsertOutcome> {
        let (commit, committed) = (Arc::clone(&self.commit), Arc::clone(&self.committed));
        let refusal = self.outage();
        self.begun.add_permits(1);
        Box::pin(async move {
            commit.acquire().await.expect("open").forget();
            drop(held);
            refusal.map_or(Ok(()), Err)?;
            committed.lock().expect("whole").push(arrival.event);
            Ok(InsertOutcome::stored(0))
        })
    }

    fn claim(&self, _: &Arc<str>, _: usize, _: Duration) -> StoreFuture<'static, Vec<Claim>> {
        not_here()
    }

    fn claim_next(
        &self,
        _: &Arc<str>,
        _: ProbeCursor,
        _: Duration,
    ) -> StoreFuture<'static, Option<Claim>> {
        not_here()
    }

    fn correct_due(&self, _: &Arc<str>) -> StoreFuture<'static, u64> {
        not_here()
    }

    fn last_requeue(&self, _: &Arc<str>) -> StoreFuture<'static, Option<Uuid>> {
        not_here()
    }

    fn settle(&self, _: Lease, _: Settlement) -> StoreFuture<'static, bool> {
        not_here()
    }

    fn next_due(&self, _: &Arc<str>) -> StoreFuture<'static, Option<Duration>> {
        not_here()
    }

    fn list(
        &self,
        _: Selection,
        _: ListOrder,
        _: Option<Cursor>,
        _: usize,
    ) -> StoreFuture<'static, Vec<DeliveryRow>> {
        not_here()
    }

    fn count(&self, _: Selection) -> StoreFuture<'static, u64> {
        not_here()
    }

    fn show(&self, _: Uuid) -> StoreFuture<'static, Option<(SealedEvent, Vec<DeliveryRow>)>> {
        not_here()
    }

    fn requeue(&self, _: Selection, _: Option<Arc<str>>, _: usize) -> StoreFuture<'static, u64> {
        not_here()
    }

    fn purge(&self, _: Selection, _: usize) -> StoreFuture<'static, u64> {
        not_here()
    }

    fn sweep(&self, _: Millis, _: usize) -> StoreFuture<'static, u64> {
        not_here()
    }

    fn stats(&self) -> StoreFuture<'static, Stats> {
        not_here()
    }

    fn backup(&self, _: &Path) -> StoreFuture<'static, ()> {
        not_here()
    }

    fn init_meta(&self, _: &'static str, _: Vec<u8>) -> StoreFuture<'static, Vec<u8>> {
        not_here()
    }

    fn set_meta(&self, _: String, _: Vec<u8>) -> StoreFuture<'static, ()> {
        not_here()
    }

    fn replace_meta(
        &self,
        _: String,
        _: Option<Vec<u8>>,
        _: Option<Vec<u8>>,
    ) -> StoreFuture<'static, bool> {
        not_here()
    }

    fn list_meta(&self, _: &'static str) -> StoreFuture<'static, Vec<(String, Vec<u8>)>> {
        not_here()
    }

    fn outage(&self) -> Option<StoreError> {
        self.refusal.lock().expect("whole").clone()
    }
}
