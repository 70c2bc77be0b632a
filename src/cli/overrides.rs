//! The flags and variables of `serve` that override a configuration file: the listen addresses, the admin listener, the
//! workers and the log.

use super::from_flags::admin_token;
use crate::{
    cli::{AdminArgs, ProcessArgs, ServeArgs},
    config::{
        finding::Place,
        plan::{AdminPlan, Plan},
    },
};

impl Plan {
    /// This plan with the settings that were given beside the file.
    pub(crate) fn overridden_by(mut self, args: &ServeArgs) -> Self {
        let given = |flag| args.given.has(flag);
        if given("--listen") {
            self.server.listen.clone_from(&args.listen);
            self.server.listen_at = Place::flag("--listen");
        }
        self.override_admin(&args.admin);
        let ProcessArgs {
            workers,
            access_log,
            log_format,
            log_level,
            explain,
            ..
        } = &args.process;
        self.server.workers = workers.unwrap_or(self.server.workers);
        if given("--log-format") {
            self.log.format = *log_format;
        }
        if given("--log-level") {
            self.log.level = *log_level;
        }
        if given("--access-log") {
            self.log.access = *access_log;
        }
        if given("--explain") {
            self.log.explain = *explain;
        }
        self
    }

    fn override_admin(&mut self, args: &AdminArgs) {
        if let Some(listen) = &args.admin {
            let at = Place::flag("--admin");
            let admin = self
                .admin
                .get_or_insert_with(|| AdminPlan::at(at, listen.clone()));
            admin.at = at;
            admin.listen = listen.clone();
        }
        let Some(admin) = &mut self.admin else {
            return;
        };
        if let Some(token) = admin_token(args) {
            admin.token = Some(token);
        }
        if !args.admin_host.is_empty() {
            admin.hosts.clone_from(&args.admin_host);
        }
    }
}
