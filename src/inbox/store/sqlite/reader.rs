//! A thread with a connection that only reads. It sees what was committed before it was asked, and neither waits for the
//! writer nor lets it wait.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::inbox::store::{StoreError, StoreFuture};

/// Waiting for an answer.
const WAITING: usize = 64;

type Question = Box<dyn FnOnce(&Connection) + Send>;

/// Once it is dropped, what waits is still answered.
pub(super) struct Reader {
    questions: Option<mpsc::Sender<Question>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(db: Connection) -> io::Result<Arc<Self>> {
        let (questions, mut waiting) = mpsc::channel::<Question>(WAITING);
        let thread = thread::Builder::new()
            .name("cartgate-reader".to_owned())
            .spawn(move || {
                while let Some(question) = waiting.blocking_recv() {
                    question(&db);
                }
            })?;
        Ok(Arc::new(Self {
            questions: Some(questions),
            thread: Some(thread),
        }))
    }

    pub(super) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let reader = Arc::clone(self);
        Box::pin(async move {
            let (asker, answered) = oneshot::channel();
            let question = Box::new(move |db: &Connection| {
                // Whoever asked may have gone.
                let _ = asker.send(read(db));
            });
            let questions = reader.questions.as_ref().ok_or_else(ended)?;
            questions.send(question).await.map_err(|_| ended())?;
            let answer = answered.await.map_err(|_| ended())?;
            answer.map_err(|error| StoreError::Unavailable(error.to_string()))
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.questions = None;
        // One that panicked has answered already, by dropping its questions.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("its reader has ended".to_owned())
}
