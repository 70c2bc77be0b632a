//! Reloads: SIGHUP or a request of the admin listener makes the gate read its whole configuration
//! again. If the new configuration has a mistake, the old one stays in force.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    signal::unix::Signal,
    sync::{oneshot, watch},
    time::timeout,
};

use super::{announce::warn, probe};
use crate::{
    admin::{ReloadRequests, status::Reloaded},
    cli::source::ConfigSource,
    config::Plan,
    inbox::Inbox,
    proxy::{
        config::{Config, admin::AdminAccess},
        meters::Metrics,
    },
    runtime::background::run_on_thread,
    server::service_manager::ServiceManager,
};

/// The limit of the time to read the configuration.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the configuration of a gate again.
pub(super) struct Reloader {
    pub(super) source: ConfigSource,
    /// The plan at the start, whose sockets and sizes stay in use.
    pub(super) plan: Plan,
    /// Weak, because a thread that reads an endless file must not keep the inbox open.
    pub(super) inbox: Weak<Inbox>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) manager: ServiceManager,
}

/// The causes of a reload.
pub(super) struct Causes {
    pub(super) hangup: Signal,
    pub(super) requests: ReloadRequests,
}

impl Causes {
    /// Waits for the next cause; returns the requests that wait for the result.
    async fn next(&mut self) -> Vec<oneshot::Sender<Reloaded>> {
        let mut waiting = tokio::select! {
            Some(()) = self.hangup.recv() => Vec::new(),
            request = self.requests.recv() => vec![request],
        };
        waiting.extend(self.requests.queued());
        waiting
    }
}

impl Reloader {
    /// Reloads at each cause. It never returns.
    pub(super) async fn run(self, mut causes: Causes, config: &watch::Sender<Arc<Config>>) {
        let reloader = Arc::new(self);
        loop {
            let waiting = causes.next().await;
            reloader.manager.reloading();
            let admin = config.borrow().admin.clone();
            let reloaded = match Arc::clone(&reloader).read_in_time(admin).await {
                Ok(new) => reloader.apply(new, config, &causes.requests).await,
                Err(lines) => reloader.keep_old(lines),
            };
            for request in waiting {
                // A client that has left needs no result.
                let _ = request.send(reloaded.clone());
            }
        }
    }

    /// Reads on another thread, because this one accepts connections and handles signals. The file
    /// may be a pipe without a writer, or on a machine that is down.
    async fn read_in_time(
        self: Arc<Self>,
        admin: AdminAccess,
    ) -> Result<(Arc<Config>, Vec<String>), Vec<String>> {
        match timeout(TIMEOUT, run_on_thread(move || self.read(admin))).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => Err(vec![error.into_error().to_string()]),
            Err(_) => Err(vec![
                "the configuration, or a file that it names, could not be read in time".to_owned(),
            ]),
        }
    }

    /// Reads everything; returns the configuration and the warnings about it, which it also logs.
    fn read(&self, admin: AdminAccess) -> Result<(Arc<Config>, Vec<String>), Vec<String>> {
        let lines = |error| self.source.lines(error);
        let plan = self.source.plan().map_err(lines)?;
        if plan.inbox.is_some() && self.plan.inbox.is_none() {
            return Err(vec![
                "an endpoint is now durable, but only a restart opens an inbox".to_owned(),
            ]);
        }
        let mut loaded = self.source.load(&plan).map_err(lines)?;
        // The old admin socket stays, and perhaps only its token protects it.
        if plan.admin_address() != self.plan.admin_address() {
            loaded.config.admin = admin;
        }
        warn(&self.source, &loaded.warnings);
        let warnings = loaded.warnings.iter();
        let mut warnings: Vec<_> = warnings.map(|one| self.source.line(one)).collect();
        for key in plan.needs_restart(&self.plan) {
            let message = "a change of this key takes effect only after a restart";
            tracing::warn!(key, "{message}");
            warnings.push(format!("{key}: {message}"));
        }
        Ok((Arc::new(loaded.config), warnings))
    }

    async fn apply(
        &self,
        (new, warnings): (Arc<Config>, Vec<String>),
        config: &watch::Sender<Arc<Config>>,
        requests: &ReloadRequests,
    ) -> Reloaded {
        self.report_certificates(&new);
        let before = config.send_replace(Arc::clone(&new));
        probe::probe(&new, Some(&before));
        let further = self.renew_inbox(&new).await;
        in_force(requests, [warnings, further].concat()).await
    }

    fn keep_old(&self, errors: Vec<String>) -> Reloaded {
        self.metrics.reload_failed();
        for error in &errors {
            tracing::error!(%error, "reload failed; the old configuration stays in force");
        }
        self.manager
            .ready("serving; the last reload failed, and the old configuration stays in force");
        Reloaded::failed(errors)
    }

    /// Applies the new configuration to the open inbox; returns the warnings about it, which it
    /// also logs.
    async fn renew_inbox(&self, config: &Config) -> Vec<String> {
        let (Some(inbox), Some(settings)) = (self.inbox.upgrade(), &config.inbox) else {
            return Vec::new();
        };
        let warnings = inbox.reload(settings).await;
        for line in &warnings {
            tracing::warn!("{line}");
        }
        warnings
    }

    /// Reports the expiry of the certificate to the metrics.
    pub(super) fn report_certificates(&self, config: &Config) {
        let shown = config.tls.as_ref().map(|certificate| {
            let label = certificate.path().display().to_string();
            (label, certificate.expires())
        });
        self.metrics.shows_certificates(shown);
    }
}

/// Waits until the new configuration is in force for each request. A gate that drains meanwhile
/// keeps the old one.
async fn in_force(requests: &ReloadRequests, warnings: Vec<String>) -> Reloaded {
    match timeout(TIMEOUT, requests.in_force()).await {
        Ok(()) => Reloaded {
            in_force: true,
            errors: Vec::new(),
            warnings,
        },
        Err(_) => Reloaded::failed(vec![
            "the gate drains, and does not apply changes".to_owned(),
        ]),
    }
}
