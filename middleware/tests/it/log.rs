//! The log of each thread of the tests.
//!
//! One subscriber for all threads exists before the first request. With one for each test, a log
//! statement that another thread reaches first, without a subscriber, can stay disabled for the test
//! that expects its line.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::Once,
};

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the log of this thread.
struct OwnLog;

impl Write for OwnLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records the log from now on.
pub(crate) fn record() {
    static RECORDED: Once = Once::new();
    RECORDED.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(|| OwnLog)
            .finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
    });
}

/// Returns the log of this thread since the last call.
pub(crate) fn take() -> String {
    String::from_utf8(LOG.take()).expect("text")
}
