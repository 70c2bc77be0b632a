//! `[rejected]`: the directory of saved rejections and its limits.

use std::{path::PathBuf, sync::LazyLock};

use crate::{
    config::{
        places::Places,
        setting::{
            definition::{Group, Section, Setting},
            kinds::{count, directory, size, timeout},
            scalar::scalar,
        },
    },
    rejected::Settings,
};

/// The directory of saved rejections.
#[derive(Debug, Clone)]
pub struct RejectedPlan {
    /// The places of the table and its keys.
    pub at: Places,
    /// The directory and its limits.
    pub settings: Settings,
}

static GROUPS: LazyLock<Vec<Group<RejectedPlan>>> = LazyLock::new(|| {
    let settings = [
        Setting::new(
            "dir",
            "Directory for deliveries whose signature does not match",
            scalar(directory(), |plan: &mut RejectedPlan| {
                &mut plan.settings.dir
            }),
        )
        .details(
            "The gate delivers the genuine ones by itself once it knows their secret. The files hold personal data.",
        )
        .required("the directory for deliveries whose signature does not match")
        .flag("--save-rejected")
        .example("\"/var/lib/cartgate/rejected\"")
        .restart(),
        Setting::new(
            "count",
            "Largest number of files",
            scalar(count(), |plan: &mut RejectedPlan| &mut plan.settings.count),
        )
        .restart(),
        Setting::new(
            "bytes",
            "Largest size of all files together",
            scalar(size(), |plan: &mut RejectedPlan| &mut plan.settings.bytes),
        )
        .restart(),
        Setting::new(
            "age",
            "Time after which a file is deleted",
            scalar(timeout(), |plan: &mut RejectedPlan| &mut plan.settings.age),
        )
        .details("One that verifies by now stays until it is delivered.")
        .restart(),
        Setting::new(
            "share",
            "Share of one source: one part in this many of the count and of the bytes",
            scalar(count(), |plan: &mut RejectedPlan| &mut plan.settings.share),
        )
        .restart(),
    ];
    vec![Group::new("Saved rejections", settings)]
});

impl Section for RejectedPlan {
    fn groups() -> &'static [Group<Self>] {
        &GROUPS
    }

    fn new(at: Places) -> Self {
        Self {
            at,
            settings: Settings::new(PathBuf::new()),
        }
    }

    fn places(&mut self) -> &mut Places {
        &mut self.at
    }
}
