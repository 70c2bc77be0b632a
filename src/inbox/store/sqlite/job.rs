//! A piece of work for the writer, and where its answer goes.

use tokio::sync::oneshot;

use super::fault::Fault;
use crate::inbox::store::{StoreError, sqlite::tx::Books};

/// What the writer does in a transaction that it shares with others.
pub(super) trait Job: Send {
    /// About how many bytes it writes.
    fn weight(&self) -> usize;

    /// Whether its result must be there after a restart. It fails if the open file is no longer the one at its path.
    fn must_last(&self) -> bool;

    /// Does it; what it gives is kept until the commit. An error undoes it, and it alone.
    fn run(&mut self, books: &mut Books<'_>) -> Result<(), Fault>;

    /// Notes that it was undone, and why.
    fn undone(&mut self, why: StoreError);

    /// Answers, once the transaction has ended: in an error, or committed.
    fn answer(self: Box<Self>, end: Result<(), StoreError>);
}

/// Where an answer is waited for, as long as somebody does.
pub(super) type Answered<T> = oneshot::Receiver<Result<T, StoreError>>;

/// Work as a function.
struct Work<T, F> {
    weight: usize,
    must_last: bool,
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    asker: oneshot::Sender<Result<T, StoreError>>,
    /// What the work took with it, until the commit.
    held: Box<dyn Send>,
}

pub(super) fn job<T, F>(
    weight: usize,
    must_last: bool,
    held: Box<dyn Send>,
    work: F,
) -> (Box<dyn Job>, Answered<T>)
where
    T: Send + 'static,
    F: FnOnce(&mut Books<'_>) -> Result<T, Fault> + Send + 'static,
{
    let (asker, answered) = oneshot::channel();
    let job = Work {
        weight,
        must_last,
        work: Some(work),
        outcome: None,
        asker,
        held,
    };
    (Box::new(job), answered)
}

impl<T, F> Job for Work<T, F>
where
    T: Send,
    F: FnOnce(&mut Books<'_>) -> Result<T, Fault> + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn must_last(&self) -> bool {
        self.must_last
    }

    fn run(&mut self, books: &mut Books<'_>) -> Result<(), Fault> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(Ok(work(books)?));
        }
        Ok(())
    }

    fn undone(&mut self, why: StoreError) {
        self.outcome = Some(Err(why));
    }

    fn answer(self: Box<Self>, end: Result<(), StoreError>) {
        let work = *self;
        let not_run = || Err(StoreError::Unavailable("it was not begun".to_owned()));
        let outcome = end.and_then(|()| work.outcome.unwrap_or_else(not_run));
        drop(work.held);
        // Whoever asked may have gone; the work is done all the same.
        let _ = work.asker.send(outcome);
    }
}
