//! The signed sender: sample payloads and changes to them, genuine requests and forgeries, one or
//! many.
//!
//! ```text
//!   sample + edits ─┐                                           ┌─ report
//!                   ├─ envelope (signs) ── outgoing ── client ──┤
//!   body as given ──┘   or forgery                              └─ trial of a gate
//! ```
//!
//! Signing is the layer crate's. Nothing here prints.

mod edit;
mod forgery;
mod forgery_kind;
mod http;
mod outgoing;
mod report;
mod run;
mod sample;
mod trial;

pub use edit::{Edit, EditError, EditSyntaxError};
pub use forgery::{Unforgeable, forge};
pub use forgery_kind::{ForgeryKind, UnknownForgery};
pub use http::{Answer, Client, Connection, NoAnswer};
pub use outgoing::{Envelope, Outgoing};
pub use report::{Figures, Latency, Report};
pub use run::{Plan, run};
pub use sample::Sample;
pub use trial::{Row, Table, Verdict};
