//! Access to the admin listeners: who may look, who may act, and on which addresses they may listen.
//!
//! `guard` is the layer that every request passes. It checks the Host (`host`) and the page that
//! the request comes from (`origin`), and finds the operator (`operator`): the owner of a Unix
//! socket, a bearer of the token (`token`), or a browser with a session (`session`), which a
//! one-time code (`codes`) or the token opens.

mod codes;
mod credentials;
mod guard;
mod host;
mod listening;
mod operator;
mod origin;
mod session;
mod token;

pub use credentials::Credentials;
pub(super) use credentials::origin;
pub(super) use guard::{guard, require_operator};
pub use listening::{NeedsToken, may_listen};
pub(crate) use operator::{Act, AnyOperator, Identity, Look, Operator, OwnerOnly};
pub(super) use session::Session;
pub(super) use token::is_token;
pub use token::{TokenError, may_be_token};
