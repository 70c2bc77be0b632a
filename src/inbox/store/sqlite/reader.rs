//! A thread with a connection that only reads. A query sees everything committed before it, and
//! neither waits for the writer nor delays it.

use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::inbox::store::{contract::StoreFuture, error::StoreError};

/// The maximum number of waiting queries. Further ones wait for room in the queue.
const MAX_WAITING: usize = 64;

pub(crate) type Query = Box<dyn FnOnce(&Connection) + Send>;

/// The handle of a reader thread. When it is dropped, the thread still runs the waiting queries.
pub(super) struct Reader {
    queries: Option<mpsc::Sender<Query>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    pub(super) fn start(db: Connection) -> io::Result<Arc<Self>> {
        let (queries, mut rx) = mpsc::channel::<Query>(MAX_WAITING);
        let thread = thread::Builder::new()
            .name("cartgate-reader".to_owned())
            .spawn(move || {
                while let Some(query) = rx.blocking_recv() {
                    query(&db);
                }
            })?;
        Ok(Arc::new(Self {
            queries: Some(queries),
            thread: Some(thread),
        }))
    }

    /// Makes a reader whose queries a simulation runs.
    #[cfg(test)]
    pub(super) fn simulated() -> (Arc<Self>, mpsc::Receiver<Query>) {
        let (queries, rx) = mpsc::channel(MAX_WAITING);
        let reader = Self {
            queries: Some(queries),
            thread: None,
        };
        (Arc::new(reader), rx)
    }

    /// Runs `read` on the thread.
    pub(super) fn query<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'static, T> {
        let reader = Arc::clone(self);
        Box::pin(async move {
            let (reply, result) = oneshot::channel();
            let query = Box::new(move |db: &Connection| {
                // The caller may be gone.
                let _ = reply.send(read(db));
            });
            let queries = reader.queries.as_ref().ok_or_else(ended)?;
            queries.send(query).await.map_err(|_| ended())?;
            let result = result.await.map_err(|_| ended())?;
            result.map_err(|error| StoreError::Unavailable(error.to_string()))
        })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.queries = None;
        // A thread that panicked has dropped its queries, which fails them.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the reader thread has ended".to_owned())
}
