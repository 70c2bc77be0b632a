//! The flags and variables of `serve` that override a configuration file: the listen addresses, the
//! admin listener, the watch, the sandbox, the workers and the log. The command line rejects all others
//! beside a file.

use super::serve::ServeArgs;
use crate::config::Plan;

impl Plan {
    /// Returns this plan with the settings that were given beside the file.
    pub(crate) fn overridden_by(mut self, args: &ServeArgs) -> Self {
        args.server.apply(&mut self.server);
        args.log.apply(&mut self.log);
        match &mut self.admin {
            Some(admin) => args.admin.apply(admin),
            None => self.admin = args.admin.plan_if("--admin"),
        }
        self
    }
}
