//! Diagnosis of signature mismatches, for `cartgate verify` and `serve --explain`.
//!
//! The doctor tries one mistake at a time, the most common ones first: the form of the header, the
//! key, the body, the algorithm, and finally the ways to write the same JSON. A diagnosis is proved
//! if the mistake leads to exactly this signature. Each attempt reads every form of the header, so
//! the doctor finds a wrong form together with one other mistake.
//!
//! The doctor is far more lenient than verification may be, so its result must never let a request
//! pass. It is also slow: a few hundred MACs over the body at most. It keeps neither secret nor
//! body after it returns, and compares in constant time, because an attacker may choose its input.

mod algorithms;
mod bodies;
mod cause;
mod diagnosis;
mod examination;
pub(crate) mod json;
mod keys;
mod spelling;
mod text;
mod verdict;

pub use cause::Cause;
pub use diagnosis::{Certainty, Diagnosis};
pub(crate) use examination::MAX_BODY;
pub use examination::diagnose;
pub(crate) use verdict::SignatureVerdict;

#[cfg(test)]
mod tests;
