//! Runs a configured gate: opens its inbox, announces its endpoints, and serves.

use std::{io, sync::Arc};

use tokio::{net::UnixListener, sync::watch};

use super::{
    announce::{TARGET, announce, announce_console, warn},
    inbox, memory, probe, sandbox,
    signals::{Signals, StopSignals},
    token_files::TokenFiles,
};
use crate::{
    Resources,
    admin::{Credentials, reload_channel},
    cli::{
        source::{ConfigSource, Origin},
        unused_variables,
    },
    commands::{
        outcome::Failure,
        serve::reloader::{Causes, Reloader},
    },
    config::{Loaded, Plan},
    inbox::Inbox,
    net::{health_socket, listener::Listener},
    proxy::{
        config::{Config, limits::Limits},
        meters::Metrics,
    },
    server::{
        fd_limit, file_watcher::FileWatcher, service_manager::ServiceManager,
        watched_files::WatchedFiles,
    },
    telemetry::log::Log,
};

/// A gate that is configured and bound.
pub(super) struct Gate {
    pub(super) source: ConfigSource,
    pub(super) plan: Plan,
    pub(super) loaded: Loaded,
    /// The files of the configuration, as they were read.
    pub(super) files: WatchedFiles,
    pub(super) public: Vec<Listener>,
    pub(super) admin: Vec<Listener>,
    pub(super) credentials: Arc<Credentials>,
}

impl Gate {
    /// Runs the gate to its end. Puts the inbox into `opened`, so that the caller can close it
    /// after the runtime has ended.
    pub(super) async fn run(
        self,
        mut signals: Signals,
        log: &Log,
        opened: &mut Option<Arc<Inbox>>,
    ) -> Result<(), Failure> {
        *opened = tokio::select! {
            inbox = inbox::open(self.loaded.config.inbox.clone()) => inbox?,
            // The check of a store and the wait for a database may be interrupted at any point.
            () = signals.stop.recv() => {
                tracing::info!("ended by a signal before the inbox was open");
                return Ok(());
            }
        };
        let mut token_files = TokenFiles::new(&self.admin, self.credentials.own_token());
        token_files.follow(&self.loaded.config);
        self.announce();
        let metrics = Arc::<Metrics>::default();
        metrics.dropped_lines_from(log.dropped_lines_reader());
        tokio::select! {
            ended = self.serve(signals, metrics, opened.clone(), token_files) => ended.map_err(Failure::usage),
            () = log.report_dropped_lines() => Ok(()),
        }
    }

    fn announce(&self) {
        let config = &self.loaded.config;
        announce(&self.public, &self.admin, config);
        tracing::info!(target: TARGET, from = %self.source.origin(), "configuration read");
        sandbox::announce();
        announce_console(&self.admin, config, &self.credentials);
        warn(&self.source, &self.loaded.warnings);
        for line in unused_variables(
            &self.plan.variables(),
            *self.source.origin() != Origin::Flags,
        ) {
            tracing::warn!("{line}");
        }
    }

    async fn serve(
        self,
        signals: Signals,
        metrics: Arc<Metrics>,
        inbox: Option<Arc<Inbox>>,
        token_files: TokenFiles,
    ) -> io::Result<()> {
        let config = within_fd_limit(self.loaded.config);
        memory::warn_if_scarce(&config);
        probe::probe(&config, None);
        let (reloads, requests) = reload_channel();
        let manager = manager();
        let reloader = Reloader {
            source: self.source,
            plan: self.plan,
            inbox: inbox.as_ref().map(Arc::downgrade).unwrap_or_default(),
            metrics: Arc::clone(&metrics),
            manager: manager.clone(),
        };
        let resources = Resources {
            public: self.public,
            admin: self.admin,
            metrics,
            manager,
            inbox,
            reloads: Some(reloads),
            health: health_socket(),
            credentials: Some(self.credentials),
        };
        let Signals {
            stop,
            hangup,
            unused,
        } = signals;
        let causes = Causes {
            hangup,
            requests,
            watcher: FileWatcher::new(self.files),
        };
        tokio::select! {
            ended = serve_until_stopped(resources, config, (reloader, causes), stop, token_files) => ended,
            () = unused.log() => Ok(()),
        }
    }
}

async fn serve_until_stopped(
    resources: Resources,
    config: Arc<Config>,
    (reloader, causes): (Reloader, Causes),
    mut stop: StopSignals,
    token_files: TokenFiles,
) -> io::Result<()> {
    reloader.report_certificates(&config);
    let (sender, config) = watch::channel(config);
    let followed = config.clone();
    let (drain, mut drain_requested) = watch::channel(false);
    let shutdown = async move {
        let _ = drain_requested.wait_for(|drain| *drain).await;
    };
    tokio::select! {
        ended = crate::serve(resources, config, shutdown) => ended,
        () = stop.recv_twice(&drain) => {
            tracing::warn!("ended at once by a second signal");
            Ok(())
        }
        () = reloader.run(causes, &sender) => Ok(()),
        () = token_files.run(followed) => Ok(()),
    }
}

/// Returns the socket for `cartgate healthcheck`, on systems that can have it.
fn health_socket() -> Option<UnixListener> {
    let bound = health_socket::bind();
    // A system without abstract names takes them for bad paths.
    let unusable = |error: &io::Error| error.kind() != io::ErrorKind::InvalidInput;
    if let Some(error) = bound.as_ref().err().filter(|error| unusable(error)) {
        tracing::warn!(%error, "`cartgate healthcheck` cannot find this gate");
    }
    bound.ok()
}

/// Returns the service manager that started the gate.
fn manager() -> ServiceManager {
    ServiceManager::from_environment().unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot reach the service manager");
        ServiceManager::default()
    })
}

/// Lowers the connection limit to the one that the open-file limit permits. A reload need not do so
/// again, because budgets stay as they were at the start.
fn within_fd_limit(mut config: Config) -> Arc<Config> {
    let configured = config.limits.connections;
    if let Some(limit) = fd_limit::raise().filter(|limit| limit.connections < configured) {
        let (max_connections, nofile) = (limit.connections, limit.nofile);
        let message = "connection limit lowered to fit the open-file limit";
        if configured == Limits::default().connections {
            tracing::info!(max_connections, nofile, "{message}");
        } else {
            tracing::warn!(max_connections, nofile, configured, "{message}");
        }
        config.limits.connections = max_connections;
    }
    Arc::new(config)
}
