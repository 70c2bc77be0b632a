//! A store that commits when a test says so, and keeps nothing else.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    delivery::event::{Arrival, Claim, Event, Kept, Lease, Settlement, Turn},
    inbox::store::{Answer, Listed, Place, Selection, Stats, Store, StoreError},
    runtime::clock::Millis,
};

#[derive(Debug)]
pub(crate) struct Shelf {
    /// A permit for each arrival.
    pub(crate) begun: Arc<Semaphore>,
    /// A permit is a commit.
    pub(crate) commit: Arc<Semaphore>,
    pub(crate) committed: Arc<Mutex<Vec<Event>>>,
    /// Why it keeps nothing.
    pub(crate) refusal: Mutex<Option<StoreError>>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            begun: Arc::new(Semaphore::new(0)),
            commit: Arc::new(Semaphore::new(0)),
            committed: Arc::default(),
            refusal: Mutex::default(),
        }
    }
}

fn not_here<T>() -> Answer<'static, T> {
    Box::pin(async { Err(StoreError::Unavailable("not in these tests".into())) })
}

impl Store for Shelf {
    fn keep(&self, arrival: Arrival, held: Box<dyn Send>) -> Answer<'static, Kept> {
        let (commit, committed) = (Arc::clone(&self.commit), Arc::clone(&self.committed));
        let refusal = self.trouble();
        self.begun.add_permits(1);
        Box::pin(async move {
            commit.acquire().await.expect("open").forget();
            drop(held);
            refusal.map_or(Ok(()), Err)?;
            committed.lock().expect("whole").push(arrival.event);
            Ok(Kept::stored(0))
        })
    }

    fn claim(&self, _: &Arc<str>, _: usize, _: Duration) -> Answer<'static, Vec<Claim>> {
        not_here()
    }

    fn claim_next(&self, _: &Arc<str>, _: Turn, _: Duration) -> Answer<'static, Option<Claim>> {
        not_here()
    }

    fn correct_due(&self, _: &Arc<str>) -> Answer<'static, u64> {
        not_here()
    }

    fn last_again(&self, _: &Arc<str>) -> Answer<'static, Option<Uuid>> {
        not_here()
    }

    fn settle(&self, _: Lease, _: Settlement) -> Answer<'static, bool> {
        not_here()
    }

    fn next_due(&self, _: &Arc<str>) -> Answer<'static, Option<Duration>> {
        not_here()
    }

    fn list(&self, _: Selection, _: Option<Place>, _: usize) -> Answer<'static, Vec<Listed>> {
        not_here()
    }

    fn show(&self, _: Uuid) -> Answer<'static, Option<(Event, Vec<Listed>)>> {
        not_here()
    }

    fn again(&self, _: Selection, _: Option<Arc<str>>, _: usize) -> Answer<'static, u64> {
        not_here()
    }

    fn purge(&self, _: Selection, _: usize) -> Answer<'static, u64> {
        not_here()
    }

    fn sweep(&self, _: Millis, _: usize) -> Answer<'static, u64> {
        not_here()
    }

    fn stats(&self) -> Answer<'static, Stats> {
        not_here()
    }

    fn backup(&self, _: &Path) -> Answer<'static, ()> {
        not_here()
    }

    fn fact(&self, _: &'static str, _: Vec<u8>) -> Answer<'static, Vec<u8>> {
        not_here()
    }

    fn trouble(&self) -> Option<StoreError> {
        self.refusal.lock().expect("whole").clone()
    }
}
