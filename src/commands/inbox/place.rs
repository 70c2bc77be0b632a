//! The place of an inbox, as the arguments name it.

use std::{fs::File, io, path::Path, sync::Arc};

use super::gate::Gate;
use crate::{
    cli::{InboxAt, serve_with_file_alone, source::ConfigSource},
    commands::{input, mistakes::mistakes, outcome::Failure, output::message},
    config::{Finding, sections::inbox::InboxPlan},
    inbox::{operations::Destinations, settings::StoreAddress},
};

/// Checks that the file exists and is readable, because opening the store would create a missing
/// file.
fn check_file(file: &Path) -> Result<(), Failure> {
    match File::open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::usage(format_args!(
            "there is no inbox {}",
            file.display()
        ))),
        Err(error) => Err(input::unreadable(file, &error)),
    }
}

/// The place of the inbox. Only `[inbox]` and the names of destinations are read from a
/// configuration file, because this user may be unable to read the secrets and certificates of
/// other sections.
pub(super) struct Place {
    pub(super) plan: InboxPlan,
    source: Option<ConfigSource>,
    pub(super) destinations: Destinations,
}

impl Place {
    pub(super) fn of(at: &InboxAt) -> Result<Self, Failure> {
        if at.inbox.has("--inbox") {
            return Ok(Self {
                plan: at.inbox.plan("--inbox"),
                source: None,
                destinations: Destinations::Unknown,
            });
        }
        let source = ConfigSource::of(&serve_with_file_alone(at.config.as_deref()));
        let source = source.map_err(Failure::usage)?;
        let plan = source.plan();
        let plan = plan.map_err(|error| mistakes(source.lines(error)))?;
        let names = plan.destinations();
        let names: Arc<[Arc<str>]> = names.map(|one| one.name.as_str().into()).collect();
        let plan = plan.inbox;
        let plan = plan.ok_or_else(|| {
            let from = source.origin();
            Failure::usage(format_args!(
                "{from} has no [inbox]; name another file with --config, or the store with --inbox"
            ))
        })?;
        Ok(Self {
            plan,
            source: Some(source),
            destinations: Destinations::Named(names),
        })
    }

    /// Returns the gate that has the inbox open, if there is one.
    pub(super) async fn gate(&self) -> Result<Option<Gate>, Failure> {
        let StoreAddress::Sqlite(file) = &self.plan.store else {
            return Ok(None);
        };
        let gate = Gate::find(file).await;
        // A gate still has a removed file open.
        if !matches!(gate, Ok(Some(_))) {
            check_file(file)?;
        }
        gate
    }

    /// Returns whether a gate that starts would listen for commands.
    pub(super) fn may_have_gate(&self) -> bool {
        matches!(self.plan.store, StoreAddress::Sqlite(_))
    }

    /// Returns the failure for settings that cannot be loaded.
    pub(super) fn mistakes(&self, findings: &[Finding]) -> Failure {
        let lines = findings.iter().map(|finding| self.line(finding));
        mistakes(lines.collect())
    }

    /// Prints the warnings of loaded settings.
    pub(super) fn warn(&self, warnings: &[Finding]) {
        for warning in warnings {
            message(format_args!("cartgate: warning: {}", self.line(warning)));
        }
    }

    fn line(&self, finding: &Finding) -> String {
        match &self.source {
            Some(source) => source.line(finding),
            None => finding.to_string(),
        }
    }
}
