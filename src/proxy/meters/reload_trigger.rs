//! The causes of reloads.

/// The cause of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadTrigger {
    /// SIGHUP.
    Signal,
    /// A request to the API.
    Api,
    /// A changed file.
    Watch,
}

impl ReloadTrigger {
    /// Returns its word in reports.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Api => "api",
            Self::Watch => "watch",
        }
    }
}
