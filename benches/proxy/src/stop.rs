//! Interruption of the bench. Every loop checks it, so that the peers end in order.

use std::{
    io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Catches the signals that would end the bench, such as Ctrl-C.
pub(crate) fn listen() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // A second signal ends the bench at once, and the kernel ends the peers.
        flag::register_conditional_default(signal, Arc::clone(&ASKED))?;
        flag::register(signal, Arc::clone(&ASKED))?;
    }
    Ok(())
}

/// Returns an error after an interruption.
pub(crate) fn check() -> io::Result<()> {
    if ASKED.load(Ordering::Relaxed) {
        return Err(io::Error::other("interrupted"));
    }
    Ok(())
}

/// Waits, or returns an error after an interruption.
pub(crate) fn rest(span: Duration) -> io::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < span {
        check()?;
        std::thread::park_timeout(Duration::from_millis(10).min(span));
    }
    Ok(())
}
