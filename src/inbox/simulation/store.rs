//! The threads of a store, as tasks with faults: commits that are slow, that fail, whose
//! acknowledgements are lost, and a sync that fails. A commit is on the disk once it is synced.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::time::sleep;

use super::{bug::Bug, ledger::GateId, world::World};
use crate::{
    inbox::store::{
        StoreError,
        sqlite::simulated::{Jobs, WaitingJobs, WaitingQueries},
    },
    runtime::clock::Millis,
};

/// A time of trouble with the store of a gate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    pub(super) kind: TroubleKind,
    pub(super) until: Millis,
    pub(super) percent: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TroubleKind {
    /// Operations fail without an effect.
    Fails,
    /// Commits take effect, stay unsynced, and fail.
    LosesAcknowledgements,
    /// Commits take effect, stay unsynced, and no result comes for long.
    IsSilent,
    /// Commits take long.
    IsSlow,
    /// A sync fails, after which the store does nothing more.
    FailsSync,
}

impl TroubleKind {
    pub(super) const PASSING: [Self; 4] = [
        Self::Fails,
        Self::LosesAcknowledgements,
        Self::IsSilent,
        Self::IsSlow,
    ];
}

impl World {
    /// Returns the trouble that befalls the next operation of a gate's store.
    fn trouble(&self, gate: GateId) -> Option<TroubleKind> {
        let now = self.elapsed();
        let trouble = *self.troubles.lock().ok()?.get(&gate)?;
        let is_active = trouble.until > now && !self.is_calm();
        let befalls = is_active && self.random().chance(trouble.percent);
        if befalls {
            self.ledger().faults.insert(gate, now);
        }
        befalls.then_some(trouble.kind)
    }

    async fn pause(&self, least: u64, most: u64) {
        let pause = self.random().between(least, most);
        sleep(Duration::from_millis(pause)).await;
    }
}

/// Commits the jobs of one gate, until it ends.
pub(super) async fn commit(
    world: Arc<World>,
    gate: GateId,
    failure: Arc<OnceLock<String>>,
    mut waiting: WaitingJobs,
) {
    while let Some(mut jobs) = waiting.next().await {
        let _busy = world.busy();
        let trouble = world.trouble(gate);
        match trouble {
            Some(TroubleKind::IsSlow) => world.pause(500, 60_000).await,
            // A crash during this time loses the jobs.
            _ => world.pause(0, 5).await,
        }
        waiting.gather(&mut jobs);
        if let Some(failure) = failure.get() {
            jobs.finish(&Err(StoreError::Failed(failure.clone())));
            continue;
        }
        match trouble {
            None | Some(TroubleKind::IsSlow) => commit_well(&world, gate, jobs).await,
            Some(TroubleKind::Fails) => jobs.finish(&unavailable("it is busy")),
            Some(TroubleKind::LosesAcknowledgements) => {
                run(&world, gate, &mut jobs);
                jobs.finish(&unavailable("the connection broke off"));
            }
            Some(TroubleKind::IsSilent) => {
                run(&world, gate, &mut jobs);
                world.pause(1_000, 90_000).await;
                jobs.finish(&unavailable("no result came"));
            }
            Some(TroubleKind::FailsSync) => fail_sync(&world, gate, jobs, &failure),
        }
    }
}

async fn commit_well(world: &World, gate: GateId, mut jobs: Jobs) {
    run(world, gate, &mut jobs);
    if world.bug == Some(Bug::AcknowledgesBeforeSync) {
        jobs.finish(&Ok(()));
        world.pause(1, 200).await;
        world.sync_disk();
        return;
    }
    // During this time a power cut loses the commit, and a crash the acknowledgements.
    world.pause(0, 5).await;
    world.sync_disk();
    jobs.finish(&Ok(()));
}

fn fail_sync(world: &World, gate: GateId, mut jobs: Jobs, failure: &OnceLock<String>) {
    world.note(format_args!("gate {gate}: a sync fails"));
    world.ledger().failed.insert(gate);
    // The restart finds the commit or not.
    run(world, gate, &mut jobs);
    if world.bug == Some(Bug::ContinuesAfterFailedSync) {
        return jobs.finish(&unavailable("a sync failed"));
    }
    let cause = "a sync failed".to_owned();
    let _ = failure.set(cause.clone());
    jobs.finish(&Err(StoreError::Failed(cause)));
}

fn run(world: &World, gate: GateId, jobs: &mut Jobs) {
    world.keep_on_disk();
    let now = world.store_clock.now();
    let mut database = world.database();
    database.commit(jobs, now, |db| world.observe(db, Some(gate)));
    drop(database);
    world.note(format_args!("gate {gate}: {} jobs committed", jobs.len()));
}

fn unavailable(cause: &str) -> Result<(), StoreError> {
    Err(StoreError::Unavailable(cause.to_owned()))
}

/// Runs the queries of one gate, until it ends.
pub(super) async fn read(world: Arc<World>, gate: GateId, mut waiting: WaitingQueries) {
    while let Some(query) = waiting.next().await {
        // A query that is dropped fails.
        if world.trouble(gate) != Some(TroubleKind::Fails) {
            query(world.database().connection());
        }
    }
}
