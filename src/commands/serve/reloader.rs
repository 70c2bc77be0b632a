//! Reloads: SIGHUP, a request of the admin listener or a changed file makes the gate read its whole
//! configuration again. If the new configuration has a mistake, the old one stays in force.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    signal::unix::Signal,
    sync::{oneshot, watch},
    time::timeout,
};

use super::{announce::warn, probe, sandbox};
use crate::{
    admin::{ReloadRequests, status::Reloaded},
    cli::source::ConfigSource,
    config::Plan,
    inbox::Inbox,
    proxy::{
        config::{Config, admin::AdminAccess, tls::Tls},
        meters::{Metrics, reload_trigger::ReloadTrigger},
    },
    runtime::background::run_on_thread,
    sandbox::{Needs, current},
    server::{
        file_watcher::FileWatcher, service_manager::ServiceManager, watched_files::WatchedFiles,
    },
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

/// The causes of reloads.
pub(super) struct Causes {
    pub(super) hangup: Signal,
    pub(super) requests: ReloadRequests,
    pub(super) watcher: FileWatcher,
}

/// The cause of one reload, and the requests that wait for its result.
struct Cause {
    trigger: ReloadTrigger,
    waiting: Vec<oneshot::Sender<Reloaded>>,
}

/// A configuration with the warnings about it, or its mistakes.
type Read = Result<(Arc<Config>, Vec<String>), Vec<String>>;

/// The result of reading a configuration.
struct Reading {
    /// The files that were read, each in its state before.
    files: WatchedFiles,
    /// Whether a file has changed meanwhile, so that the result may be wrong.
    changed_meanwhile: bool,
    result: Read,
}

impl Causes {
    /// Waits for the next cause.
    async fn next(&mut self, watch: bool) -> Cause {
        let mut waiting = Vec::new();
        let trigger = tokio::select! {
            Some(()) = self.hangup.recv() => ReloadTrigger::Signal,
            request = self.requests.recv() => {
                waiting.push(request);
                ReloadTrigger::Api
            }
            () = self.watcher.changed(), if watch => ReloadTrigger::Watch,
        };
        waiting.extend(self.requests.queued());
        let trigger = match trigger {
            // Requests get a result, also while a file changes.
            ReloadTrigger::Watch if !waiting.is_empty() => ReloadTrigger::Api,
            trigger => trigger,
        };
        Cause { trigger, waiting }
    }
}

impl Reloader {
    /// Reloads at each cause. It never returns.
    pub(super) async fn run(self, mut causes: Causes, config: &watch::Sender<Arc<Config>>) {
        let reloader = Arc::new(self);
        let mut watches = false;
        loop {
            let watch = config.borrow().watch;
            if watch != watches {
                watches = watch;
                log_watch(watch, &causes.watcher);
            }
            let cause = causes.next(watch).await;
            let reloaded = reloader.reload(cause.trigger, &mut causes, config).await;
            for request in cause.waiting {
                // A client that has left needs no result.
                let _ = request.send(reloaded.clone());
            }
        }
    }

    async fn reload(
        self: &Arc<Self>,
        trigger: ReloadTrigger,
        causes: &mut Causes,
        config: &watch::Sender<Arc<Config>>,
    ) -> Reloaded {
        self.manager.reloading();
        let admin = config.borrow().admin.clone();
        let seen = causes.watcher.seen().clone();
        let reading = Arc::clone(self).read_in_time(admin, seen).await;
        if trigger == ReloadTrigger::Watch {
            if reading.changed_meanwhile && causes.watcher.waits_for_quiet() {
                // No request waits, and the next look finds the change.
                self.manager.ready("serving");
                return Reloaded::failed(Vec::new());
            }
            let files = causes.watcher.changes();
            tracing::info!(files, "reloading, because files have changed");
        }
        causes.watcher.follow(reading.files);
        self.metrics.reload_begins(trigger);
        match reading.result {
            Ok(new) => self.apply(new, config, &causes.requests).await,
            Err(lines) => self.keep_old(lines),
        }
    }

    /// Reads on another thread, because this one accepts connections and handles signals. The file
    /// may be a pipe without a writer, or on a machine that is down. The files then count as read
    /// in the states that were `seen`, so that the next change causes the next reload.
    async fn read_in_time(self: Arc<Self>, admin: AdminAccess, seen: WatchedFiles) -> Reading {
        let failed = |error: String| Reading {
            files: seen,
            changed_meanwhile: false,
            result: Err(vec![error]),
        };
        match timeout(TIMEOUT, run_on_thread(move || self.read(admin))).await {
            Ok(Ok(reading)) => reading,
            Ok(Err(error)) => failed(error.into_error().to_string()),
            Err(_) => failed(
                "the configuration, or a file that it names, could not be read in time".to_owned(),
            ),
        }
    }

    fn read(&self, admin: AdminAccess) -> Reading {
        let mut files = WatchedFiles::default();
        let result = self.read_noting(&mut files, admin);
        Reading {
            changed_meanwhile: files.again() != files,
            files,
            result,
        }
    }

    /// Reads everything, and notes the files in their states before. Returns the configuration and
    /// the warnings about it, which it also logs.
    fn read_noting(&self, files: &mut WatchedFiles, admin: AdminAccess) -> Read {
        let lines = |error| self.source.lines(error);
        files.add(self.source.file());
        permitted(&sandbox::of_file(&self.source))?;
        let plan = self.source.plan().map_err(lines)?;
        files.add(plan.files());
        permitted(&sandbox::needs(&self.source, &plan))?;
        if plan.inbox.is_some() && self.plan.inbox.is_none() {
            return Err(vec![
                "an endpoint is now durable, but only a restart opens an inbox".to_owned(),
            ]);
        }
        let mut loaded = self.source.load(&plan).map_err(lines)?;
        permitted(&sandbox::of_alarms(&loaded.config))?;
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
        let shown = match &config.tls {
            Some(Tls::Files(certificate)) => {
                let label = certificate.path().display().to_string();
                Some((label, certificate.validity().clone()))
            }
            // The gate reports the issued certificate itself, because it changes without a reload.
            Some(Tls::Acme { .. }) | None => None,
        };
        self.metrics.shows_certificates(shown);
    }
}

/// Returns the lines about needs that the sandbox denies. Without them, a file or a port would fail
/// later, and for no visible reason.
fn permitted(needs: &Needs) -> Result<(), Vec<String>> {
    let denied = current().map(|sandbox| sandbox.denies(needs));
    match denied.unwrap_or_default() {
        denied if denied.is_empty() => Ok(()),
        denied => Err(denied),
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

fn log_watch(watch: bool, watcher: &FileWatcher) {
    if watch {
        let files = watcher.len();
        tracing::info!(files, "watching the files of the configuration");
    } else {
        tracing::info!("files of the configuration no longer watched");
    }
}
