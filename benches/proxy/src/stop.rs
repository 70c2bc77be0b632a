//! Whether somebody wants the bench to end. Every loop asks, so that what was started is ended in order.

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

/// From here on Ctrl-C and its like no longer kill.
pub(crate) fn listen() -> io::Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // A second one ends at once; the kernel then ends the peers.
        flag::register_conditional_default(signal, Arc::clone(&ASKED))?;
        flag::register(signal, Arc::clone(&ASKED))?;
    }
    Ok(())
}

/// An error once somebody asked.
pub(crate) fn check() -> io::Result<()> {
    if ASKED.load(Ordering::Relaxed) {
        return Err(io::Error::other("interrupted"));
    }
    Ok(())
}

/// Waits, unless somebody asks.
pub(crate) fn rest(span: Duration) -> io::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < span {
        check()?;
        std::thread::park_timeout(Duration::from_millis(10).min(span));
    }
    Ok(())
}
