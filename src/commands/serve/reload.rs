//! A reload: everything is read again at `SIGHUP` or at a request of the admin listener. A configuration that cannot be used
//! leaves the old one in force.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    signal::unix::Signal,
    sync::{oneshot, watch},
    time::timeout,
};

use super::{announce::warn, reach};
use crate::{
    admin::{ReloadRequests, status::Reloaded},
    cli::source::Source,
    config::Plan,
    inbox::Inbox,
    proxy::{
        config::{Config, admin::AdminAccess},
        meters::Metrics,
    },
    runtime::background::run_on_thread,
    server::service_manager::ServiceManager,
};

/// How long reading everything again may take.
const LONGEST: Duration = Duration::from_secs(5);

/// Where the configuration is written, and the plan whose sockets and sizes are in use.
pub(super) struct Running {
    pub(super) source: Source,
    pub(super) plan: Plan,
    /// Weak, because a thread that reads a file for ever must not keep it open.
    pub(super) inbox: Weak<Inbox>,
}

/// The causes of a reload.
pub(super) struct Causes {
    pub(super) hangup: Signal,
    pub(super) requests: ReloadRequests,
}

impl Causes {
    /// Waits for the next cause; returns those who wait for the result.
    async fn next(&mut self) -> Vec<oneshot::Sender<Reloaded>> {
        let mut waiting = tokio::select! {
            Some(()) = self.hangup.recv() => Vec::new(),
            request = self.requests.recv() => vec![request],
        };
        waiting.extend(self.requests.queued());
        waiting
    }
}

impl Running {
    /// Applies the written configuration at each cause. It never ends.
    pub(super) async fn reload(
        self,
        mut causes: Causes,
        config: &watch::Sender<Arc<Config>>,
        metrics: &Metrics,
        manager: &ServiceManager,
    ) {
        let running = Arc::new(self);
        loop {
            let waiting = causes.next().await;
            manager.reloading();
            let admin = config.borrow().admin.clone();
            let reloaded = match Arc::clone(&running).read_in_time(admin).await {
                Ok((new, warnings)) => {
                    running.show_certificates(&new, metrics);
                    let before = config.send_replace(Arc::clone(&new));
                    reach::look(&new, Some(&before));
                    let further = running.renew_inbox(&new).await;
                    in_force(&causes.requests, [warnings, further].concat()).await
                }
                Err(lines) => {
                    metrics.reload_failed();
                    for error in &lines {
                        tracing::error!(%error, "reload failed; the old configuration stays in force");
                    }
                    manager.ready(
                        "serving; the last reload failed, and the old configuration stays in force",
                    );
                    Reloaded::failed(lines)
                }
            };
            for one in waiting {
                // A requester that has left needs no result.
                let _ = one.send(reloaded.clone());
            }
        }
    }

    /// Not on this thread, which accepts and hears signals: a file may be a pipe that nobody writes to, or on a machine that
    /// is gone.
    async fn read_in_time(
        self: Arc<Self>,
        admin: AdminAccess,
    ) -> Result<(Arc<Config>, Vec<String>), Vec<String>> {
        match timeout(LONGEST, run_on_thread(move || self.read(admin))).await {
            Ok(Ok(read)) => read,
            Ok(Err(undone)) => Err(vec![undone.into_error().to_string()]),
            Err(_) => Err(vec![
                "what the configuration names could not be read in time".to_owned(),
            ]),
        }
    }

    /// Reads everything; returns the configuration and the warnings about it, which are logged as well.
    fn read(&self, admin: AdminAccess) -> Result<(Arc<Config>, Vec<String>), Vec<String>> {
        let lines = |error| self.source.lines(error);
        let plan = self.source.plan().map_err(lines)?;
        if plan.inbox.is_some() && self.plan.inbox.is_none() {
            // Its endpoints could keep nothing.
            return Err(vec![
                "an endpoint is durable now, and only a restart opens an inbox".to_owned(),
            ]);
        }
        let mut loaded = self.source.load(&plan).map_err(lines)?;
        // The socket that stays may be where only its token keeps others out.
        if plan.admin_address() != self.plan.admin_address() {
            loaded.config.admin = admin;
        }
        warn(&self.source, &loaded.warnings);
        let warnings = loaded.warnings.iter();
        let mut warnings: Vec<_> = warnings.map(|one| self.source.line(one)).collect();
        for key in plan.needs_restart(&self.plan) {
            tracing::warn!(key, "a change of this is taken up only by a restart");
            warnings.push(format!(
                "{key}: a change of this is taken up only by a restart"
            ));
        }
        Ok((Arc::new(loaded.config), warnings))
    }

    /// Has the open inbox follow the new configuration; returns the warnings about it, which are logged as well.
    async fn renew_inbox(&self, config: &Config) -> Vec<String> {
        let (Some(inbox), Some(settings)) = (self.inbox.upgrade(), &config.inbox) else {
            return Vec::new();
        };
        let warnings = inbox.follow(settings).await;
        for line in &warnings {
            tracing::warn!("{line}");
        }
        warnings
    }

    /// Has the metrics show when the certificate ends.
    pub(super) fn show_certificates(&self, config: &Config, metrics: &Metrics) {
        let shown = config.tls.as_ref().map(|certificate| {
            let label = certificate.path().display().to_string();
            (label, certificate.expires())
        });
        metrics.shows_certificates(shown);
    }
}

/// Waits until each request is judged by the new configuration. A gate that drains meanwhile keeps the old one.
async fn in_force(requests: &ReloadRequests, warnings: Vec<String>) -> Reloaded {
    match timeout(LONGEST, requests.in_force()).await {
        Ok(()) => Reloaded {
            in_force: true,
            errors: Vec::new(),
            warnings,
        },
        Err(_) => Reloaded::failed(vec!["the gate drains, and applies no change".to_owned()]),
    }
}
