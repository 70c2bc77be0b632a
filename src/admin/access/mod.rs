//! The rules of access to the admin listeners, which the guard applies to each request: its Host
//! (`host`), the page that it comes from (`origin`), and the operator behind it (`operator`). An
//! operator is the owner of a Unix socket, a bearer of the token (`token`), or a browser with a
//! session (`session`), which a one-time code (`codes`) or the token opens.
//!
//! `credentials` holds the secrets that a gate makes at its start, `token_file` passes its token to
//! commands of the same user, and `listening` limits the addresses of the listeners.

mod codes;
mod credentials;
mod host;
mod listening;
mod operator;
mod origin;
mod require;
mod session;
mod token;
mod token_file;

pub use credentials::Credentials;
pub(super) use credentials::origin;
pub(super) use host::names_us;
pub use listening::{NeedsToken, may_listen};
pub(crate) use operator::{Act, AnyOperator, Identity, Look, Operator, OwnerOnly};
pub(super) use origin::is_foreign;
pub(super) use require::require_operator;
pub(super) use session::Session;
pub(super) use token::{Authorization, is_token};
pub use token::{TokenError, may_be_token};
pub use token_file::TokenFile;
