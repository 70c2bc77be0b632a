//! The signed sender: sample payloads and changes to them, genuine requests and forgeries, one or
//! many.
//!
//! ```text
//!   sample + edits ─┐
//!                   ├─ envelope (signs) ── outgoing ── client ── answer ── report, or trial of the gate
//!   body as given ──┘   or forgery
//! ```
//!
//! Signing is the layer crate's. Nothing here prints.

mod client;
mod edit;
mod forgery;
mod outgoing;
mod report;
mod run;
mod sample;
mod trial;

pub use client::{Answer, Client, Connection, NoAnswer};
pub use edit::{Edit, EditError, EditSyntaxError};
pub use forgery::{ForgeryKind, Unforgeable, UnknownForgery, forge};
pub use outgoing::{Envelope, Outgoing};
pub use report::{Figures, Latency, Report};
pub use run::{Plan, run};
pub use sample::Sample;
pub use trial::{Row, Table, Verdict};
