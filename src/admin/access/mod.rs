//! The rules of access to the admin listeners, which the guard applies to each request: its Host
//! (`host`), the page that it comes from (`origin`), and the operator behind it (`operator`). An
//! operator is the owner of a Unix socket, a bearer of the token (`token`), or a browser with a
//! session (`session`), which a one-time code (`codes`) or the token opens, and which its user can
//! close (`revoked`). `wrong_tokens` limits the attempts to guess the token.
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
mod revoked;
mod scheme;
mod session;
mod token;
mod token_file;
mod wrong_tokens;

pub use credentials::Credentials;
pub(super) use credentials::{TokenTry, origin};
pub(super) use host::{OWNER_HOST, names_us};
pub use listening::{NeedsToken, may_listen};
pub(crate) use operator::{Act, AnyOperator, Identity, Look, Operator, OwnerOnly};
pub(super) use origin::is_foreign;
pub(super) use require::require_operator;
pub(super) use scheme::is_https;
pub(super) use session::{Opened, Session};
pub(super) use token::Authorization;
pub use token::{TokenError, may_be_token};
pub use token_file::{OwnToken, TokenFile};
