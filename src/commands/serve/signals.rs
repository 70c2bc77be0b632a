//! The signals of a gate. Their handlers are installed first of all, because a signal without a
//! handler ends the process. A hangup that arrives too early waits until the gate can reload.

use std::{ffi::OsStr, io};

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// The runtime of a gate's first thread, with the signals that it has received so far.
#[derive(Debug)]
pub struct HeldSignals {
    pub(super) runtime: Runtime,
    pub(super) signals: Signals,
}

impl HeldSignals {
    /// Installs the handlers if the arguments of this process run a gate. Signals end other
    /// commands, as they end most programs.
    #[must_use]
    pub fn for_serve() -> Option<Self> {
        let is_serve = std::env::args_os().nth(1).as_deref() == Some(OsStr::new("serve"));
        // The command tries again, and reports the error.
        is_serve.then(|| Self::start().ok()).flatten()
    }

    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let entered = runtime.enter();
        let signals = Signals::install()?;
        drop(entered);
        Ok(Self { runtime, signals })
    }
}

/// The signals that a gate handles.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) stop: StopSignals,
    pub(super) hangup: Signal,
    pub(super) unused: UnusedSignals,
}

/// The signals that request a drain.
#[derive(Debug)]
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// Signals that must not end a gate. Other servers reopen their log or print their state at them,
/// so scripts and tools send them to any server.
#[derive(Debug)]
pub(super) struct UnusedSignals {
    user1: Signal,
    user2: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            stop: StopSignals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
            },
            hangup: signal(SignalKind::hangup())?,
            unused: UnusedSignals {
                user1: signal(SignalKind::user_defined1())?,
                user2: signal(SignalKind::user_defined2())?,
            },
        })
    }
}

impl StopSignals {
    /// Waits for a stop signal.
    pub(super) async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }

    /// Requests a drain at the first signal; returns at the second.
    pub(super) async fn recv_twice(&mut self, drain: &watch::Sender<bool>) {
        for _ in 0..2 {
            self.recv().await;
            if !drain.send_replace(true) {
                tracing::info!("draining; a second signal ends the gate at once");
            }
        }
    }
}

impl UnusedSignals {
    /// Logs each of these signals. It never returns.
    pub(super) async fn log(mut self) {
        loop {
            let signal = tokio::select! {
                _ = self.user1.recv() => "SIGUSR1",
                _ = self.user2.recv() => "SIGUSR2",
            };
            tracing::info!(signal, "signal ignored; SIGHUP reloads, SIGTERM drains");
        }
    }
}
