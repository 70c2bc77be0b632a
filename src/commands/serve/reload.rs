//! A reload: everything is read again at `SIGHUP`, and what cannot be used leaves the old in force.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::{signal::unix::Signal, sync::watch, task::spawn_blocking, time::timeout};

use super::announce::warn;
use crate::{
    admin,
    config::{Config, Plan, Source},
    metrics::Metrics,
    service_manager::ServiceManager,
};

/// How long reading everything again may take.
const LONGEST: Duration = Duration::from_secs(5);

/// Where the configuration is written, and the plan whose sockets and sizes are in use.
pub(super) struct Running {
    pub(super) source: Source,
    pub(super) plan: Plan,
}

impl Running {
    /// Takes up what is written at each hangup. It never ends.
    pub(super) async fn reload(
        self,
        mut hangup: Signal,
        config: &watch::Sender<Arc<Config>>,
        metrics: &Metrics,
        manager: &ServiceManager,
    ) {
        let running = Arc::new(self);
        while hangup.recv().await.is_some() {
            manager.reloading();
            let admin = config.borrow().admin.clone();
            match Arc::clone(&running).read_in_time(admin).await {
                Ok(new) => {
                    running.show_certificates(&new, metrics);
                    config.send_replace(new);
                }
                Err(lines) => {
                    metrics.reload_failed();
                    for error in lines {
                        tracing::error!(%error, "the configuration and the secrets in force stay");
                    }
                    manager.ready("serving; the last reload failed, and what was in force stays");
                }
            }
        }
        pending::<()>().await;
    }

    /// Not on this thread, which accepts and hears signals: a file may be a pipe that nobody writes to, or on a machine that
    /// is gone.
    async fn read_in_time(
        self: Arc<Self>,
        admin: admin::Settings,
    ) -> Result<Arc<Config>, Vec<String>> {
        match timeout(LONGEST, spawn_blocking(move || self.read(admin))).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => Err(vec![error.to_string()]),
            Err(_) => Err(vec![
                "what the configuration names could not be read in time".to_owned(),
            ]),
        }
    }

    fn read(&self, admin: admin::Settings) -> Result<Arc<Config>, Vec<String>> {
        let plan = self.source.plan()?;
        if plan.inbox.is_some() && self.plan.inbox.is_none() {
            // Its endpoints could keep nothing.
            return Err(vec![
                "an endpoint is durable now, and only a restart opens an inbox".to_owned(),
            ]);
        }
        let mut loaded = self.source.load(&plan)?;
        // The socket that stays may be where only its token keeps others out.
        if plan.admin_address() != self.plan.admin_address() {
            loaded.config.admin = admin;
        }
        warn(&self.source, &loaded.warnings);
        for key in plan.needs_restart(&self.plan) {
            tracing::warn!(key, "a change of this is taken up only by a restart");
        }
        Ok(Arc::new(loaded.config))
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
