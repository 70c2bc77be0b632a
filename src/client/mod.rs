//! The signed sender: sample payloads, genuine requests and forgeries. It prints nothing.
//!
//! ```text
//!   sample + edits ─┐                                           ┌─ report
//!                   ├─ envelope (signs) ── outgoing ── client ──┤
//!   body as given ──┘   or forgery                              └─ trial of a gate
//! ```

mod connection;
mod edit;
mod forgery;
mod forgery_kind;
mod http_stream;
mod outgoing;
mod report;
mod response;
mod run;
mod sample;
mod send_error;
mod trial;

pub use connection::{Client, Connection};
pub use edit::{Edit, EditError, EditSyntaxError};
pub use forgery::{Unforgeable, forge};
pub use forgery_kind::{ForgeryKind, UnknownForgery};
pub use http_stream::deliver_over;
pub use outgoing::{Envelope, Outgoing};
pub use report::{Figures, Latency, RunReport};
pub use response::ResponseSummary;
pub use run::{RunPlan, run};
pub use sample::Sample;
pub use send_error::SendError;
pub use trial::{Row, Table, TrialVerdict};
