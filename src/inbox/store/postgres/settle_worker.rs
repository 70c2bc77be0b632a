//! The lanes that do all else: settlements share a transaction, other errands are done one by one.

use futures_util::future::LocalBoxFuture;
use tokio::sync::oneshot;
use tokio_postgres::Error;

use super::{
    fault::{ends_session, fault},
    session::Session,
    settle,
    time::said,
};
use crate::{
    delivery::event::{Lease, Settlement},
    inbox::store::{
        StoreError,
        postgres::worker::{Work, Worker},
    },
    runtime::clock::Clock,
};

/// Answers by itself; the error is one after which the connection is to be looked at.
pub(super) type Errand =
    Box<dyn for<'a> FnOnce(&'a Session) -> LocalBoxFuture<'a, Result<(), Error>> + Send>;

pub(super) struct Settle {
    pub(super) lease: Lease,
    pub(super) settlement: Settlement,
    pub(super) answer: oneshot::Sender<Result<bool, StoreError>>,
}

pub(super) enum Task {
    Settle(Settle),
    Errand(Errand),
}

pub(super) struct Clerk {
    pub(super) clock: Clock,
    pub(super) shard: i32,
}

impl Worker for Clerk {
    type Job = Task;

    async fn work(
        &mut self,
        session: &Session,
        job: Task,
        more: &mut Work<Task>,
    ) -> Result<(), Error> {
        let done = match job {
            Task::Settle(settle) => self.settle(session, gathered(settle, more)).await,
            Task::Errand(errand) => errand(session).await,
        };
        match done {
            Err(error) if !ends_session(&error) && !session.client.is_closed() => {
                session.rollback().await
            }
            other => other,
        }
    }
}

impl Clerk {
    async fn settle(&self, session: &Session, batch: Vec<Settle>) -> Result<(), Error> {
        let claims: Vec<_> = batch
            .iter()
            .map(|one| (one.lease.clone(), one.settlement.clone()))
            .collect();
        let settled = settle::settle(session, &claims, said(&self.clock), self.shard).await;
        for (place, one) in batch.into_iter().enumerate() {
            let answer = match &settled {
                Ok(held) => Ok(held[place]),
                Err(error) => Err(fault(error)),
            };
            // Who asked may be gone; it is settled all the same.
            let _ = one.answer.send(answer);
        }
        settled.map(drop)
    }
}

/// No delivery twice: the second settlement is judged by what the first has left.
fn gathered(first: Settle, more: &mut Work<Task>) -> Vec<Settle> {
    let mut batch = vec![first];
    while batch.len() < settle::MOST
        && let Some(task) = more.ready()
    {
        match task {
            Task::Settle(one)
                if !batch.iter().any(|other| {
                    other.lease.event == one.lease.event && other.lease.queue == one.lease.queue
                }) =>
            {
                batch.push(one);
            }
            other => {
                more.put_back(other);
                break;
            }
        }
    }
    batch
}
