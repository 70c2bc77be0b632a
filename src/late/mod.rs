//! Late deliveries: saved rejections that verify by now, because the gate has learned a secret since.
//!
//! ```text
//!   start, reload, timer ──► scan: judge new files ──► ledger ──► courier ──► inbox or app
//!                            on a thread of its own                one at a time, by turns
//! ```
//!
//! - **Verified again.** A file is judged by the keyring in force for its endpoint, and verified once
//!   more when it is delivered. Its arrival time counts for `fresh`.
//! - **In order.** An endpoint's deliveries go out in the order of their arrival. One that fails holds
//!   back the later ones, until its app has rejected it [`SET_ASIDE`](ledger::SET_ASIDE) times.
//! - **Once.** The mark of a delivered file follows the commit of the inbox or the 2xx of the app.
//!   After a crash in between, the inbox recognises the id. An app without an inbox gets the same id
//!   again. A lock of the directory keeps other gates and operators from delivering the same file.
//! - **One body once.** A sender repeats a rejected delivery. Of equal bodies the first is delivered,
//!   and the others are marked as copies.
//! - **Kept.** A file that waits is neither evicted nor too old.
//!
//! # Attackers
//!
//! Forgeries fill the directory up to its limits. Each is judged once until the secrets of its
//! endpoint change, by one hash for each secret, on a thread that rests as long as it works and that
//! a reload interrupts. A forgery never leaves the directory.

mod courier;
mod errand;
mod examination;
mod ledger;
mod retry;
mod scan;

pub(crate) use courier::deliver;
