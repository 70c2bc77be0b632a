//! The signals of a gate. Their handlers are installed before anything else, since a signal without a handler
//! ends the process: a hangup that comes too early then waits until the gate can reload.

use std::{ffi::OsStr, io};

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// The runtime of a gate's first thread, with the signals that it has received so far.
#[derive(Debug)]
pub struct Held {
    pub(super) runtime: Runtime,
    pub(super) signals: Signals,
}

impl Held {
    /// Holds signals if the arguments of this process run a gate. Other commands end by signals as programs do.
    #[must_use]
    pub fn for_serve() -> Option<Self> {
        let is_serve = std::env::args_os().nth(1).as_deref() == Some(OsStr::new("serve"));
        // The command itself says why, if this fails again.
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

/// The signals that mean something to a gate, and those that must not end it.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) stop: Stop,
    pub(super) hangup: Signal,
    pub(super) unused: Unused,
}

/// Each of these asks for a drain.
#[derive(Debug)]
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// Other servers reopen their log at these, or print what they do. Scripts and tools send them to any server.
#[derive(Debug)]
pub(super) struct Unused {
    first: Signal,
    second: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self {
            stop: Stop {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
            },
            hangup: signal(SignalKind::hangup())?,
            unused: Unused {
                first: signal(SignalKind::user_defined1())?,
                second: signal(SignalKind::user_defined2())?,
            },
        })
    }
}

impl Stop {
    /// Waits for a signal to end.
    pub(super) async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
        }
    }

    /// Asks for a drain at the first signal; ready at the second.
    pub(super) async fn recv_twice(&mut self, asked: &watch::Sender<bool>) {
        for _ in 0..2 {
            self.recv().await;
            if !asked.send_replace(true) {
                tracing::info!("draining; a second signal ends at once");
            }
        }
    }
}

impl Unused {
    /// Logs each signal that changes nothing. It never ends.
    pub(super) async fn log(mut self) {
        loop {
            let signal = tokio::select! {
                _ = self.first.recv() => "SIGUSR1",
                _ = self.second.recv() => "SIGUSR2",
            };
            tracing::info!(signal, "signal ignored; SIGHUP reloads, SIGTERM drains");
        }
    }
}
