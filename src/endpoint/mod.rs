//! The endpoints of a gate: paths, each with the policy and the target of its deliveries.

mod endpoints;
mod host;
mod path_rule;
mod query;
mod settings;
mod target;

pub use endpoints::Endpoints;
pub use host::{Host, HostError};
pub use path_rule::{PathRule, PathRuleError};
pub use query::Query;
pub use settings::Endpoint;
pub use target::{Durable, Target};
