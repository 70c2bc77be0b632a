//! Runs blocking work, or a runtime, on a new thread. If the system has no thread left, these
//! functions return an error, whereas tokio panics.

use std::{fmt, io, sync::mpsc::sync_channel, thread};

use tokio::{runtime::Runtime, sync::oneshot};

/// The reason why there is no result.
pub(crate) enum ThreadError<W> {
    /// No thread could be started. The work has not run.
    NoThread { error: io::Error, work: W },
    /// The work panicked.
    Panicked,
}

impl<W> ThreadError<W> {
    pub(crate) fn into_error(self) -> io::Error {
        match self {
            Self::NoThread { error, .. } => {
                let text = format!("no thread can be started: {error}");
                io::Error::new(error.kind(), text)
            }
            Self::Panicked => io::Error::other("a bug: the work ended without a result"),
        }
    }
}

impl<W> fmt::Debug for ThreadError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoThread { error, .. } => f.debug_tuple("NoThread").field(error).finish(),
            Self::Panicked => f.write_str("Panicked"),
        }
    }
}

/// Starts a thread with its own runtime. `build` runs after the thread has started, so that no
/// runtime is dropped unused: tokio panics if that happens in an async task.
///
/// # Errors
///
/// When the thread cannot be started or the runtime cannot be built.
pub(crate) fn with_runtime(
    name: String,
    build: impl FnOnce() -> io::Result<Runtime>,
    work: impl FnOnce(Runtime) + Send + 'static,
) -> io::Result<()> {
    let (hand_over, taken) = sync_channel(1);
    thread::Builder::new().name(name).spawn(move || {
        if let Ok(runtime) = taken.recv() {
            work(runtime);
        }
    })?;
    // Cannot fail, because the thread waits for it.
    let _ = hand_over.send(build()?);
    Ok(())
}

/// Runs `work` on a new thread and returns its result. If the future is dropped, the thread
/// continues to its end.
///
/// # Errors
///
/// When no thread can be started, or the work panics.
pub(crate) async fn run_on_thread<T, W>(work: W) -> Result<T, ThreadError<W>>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    let (hand_over, taken) = sync_channel::<W>(1);
    let (done, result) = oneshot::channel();
    let thread = thread::Builder::new().name("cartgate-aside".to_owned());
    let started = thread.spawn(move || {
        if let Ok(work) = taken.recv() {
            // Fails if the future was dropped.
            let _ = done.send(work());
        }
    });
    if let Err(error) = started {
        return Err(ThreadError::NoThread { error, work });
    }
    // Fails only if the thread has ended without the work.
    if hand_over.send(work).is_err() {
        return Err(ThreadError::Panicked);
    }
    result.await.map_err(|_| ThreadError::Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_result_comes_back_and_a_panic_is_an_error() {
        assert_eq!(run_on_thread(|| 1).await.expect("done"), 1);
        let undone = run_on_thread(|| assert_eq!(1, 2))
            .await
            .expect_err("it panics");
        assert!(matches!(undone, ThreadError::Panicked));
    }
}
