//! `[log]`: log lines and their format.

use std::sync::LazyLock;

use crate::{
    config::{
        places::Places,
        setting::{
            definition::{Group, Section, Setting},
            kinds::word,
            scalar::scalar,
            switch::switch,
        },
    },
    proxy::config::AccessLog,
    telemetry::log::{Format, Level},
};

/// Log lines and their format.
#[derive(Debug, Clone)]
pub struct LogPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The format of log lines.
    pub format: Format,
    /// The level of log lines.
    pub level: Level,
    /// The requests that are logged.
    pub access: AccessLog,
    /// Whether signature mismatches are diagnosed.
    pub explain: bool,
}

static GROUPS: LazyLock<Vec<Group<LogPlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "format",
            "Format of log lines",
            scalar(word("FORMAT"), |log: &mut LogPlan| &mut log.format),
        )
        .flag("--log-format")
        .restart(),
        Setting::new(
            "level",
            "Level of log lines",
            scalar(word("LEVEL"), |log: &mut LogPlan| &mut log.level),
        )
        .flag("--log-level")
        .restart(),
        Setting::new(
            "access",
            "Requests to log",
            scalar(word("REQUESTS"), |log: &mut LogPlan| &mut log.access),
        )
        .flag("--access-log"),
        Setting::new(
            "explain",
            "Diagnose signature mismatches, at most one per second, and log the likely cause",
            switch(|log: &mut LogPlan| &mut log.explain),
        )
        .flag("--explain")
        .restart(),
    ];
    vec![Group::new("Logging", settings)]
});

impl Section for LogPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            format: Format::default(),
            level: Level::default(),
            access: AccessLog::default(),
            explain: false,
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }
}
