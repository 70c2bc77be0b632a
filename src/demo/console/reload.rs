//! Reads the configuration file of the demonstration, and again for each reload.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;

use crate::{
    admin::{ReloadRequests, status::Reloaded},
    config::{FileError, Finding, Plan},
    proxy::config::Config,
};

/// Reads one configuration file.
pub(super) struct Reloader {
    path: PathBuf,
}

impl Reloader {
    pub(super) fn of(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the settings in the file, or its mistakes as text.
    pub(super) fn read(&self) -> Result<Config, String> {
        let plan = Plan::from_file(&self.path, |plan| plan);
        let plan = plan.map_err(|error| match error {
            FileError::Unreadable(error) => error.to_string(),
            FileError::Mistakes(findings) => lines(&findings),
        })?;
        let loaded = plan.load().map_err(|findings| lines(&findings))?;
        Ok(loaded.config)
    }

    /// Reloads at each request. It ends with the gate.
    pub(super) async fn run(
        &self,
        mut requests: ReloadRequests,
        config: &watch::Sender<Arc<Config>>,
    ) {
        loop {
            let mut waiting = vec![requests.recv().await];
            waiting.extend(requests.queued());
            let reloaded = match self.read() {
                Ok(new) => {
                    config.send_replace(Arc::new(new));
                    requests.in_force().await;
                    Reloaded {
                        in_force: true,
                        errors: Vec::new(),
                        warnings: Vec::new(),
                    }
                }
                Err(mistakes) => Reloaded::failed(vec![mistakes]),
            };
            for request in waiting {
                // A client that has left needs no result.
                let _ = request.send(reloaded.clone());
            }
        }
    }
}

fn lines(findings: &[Finding]) -> String {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
