#![doc = include_str!("../README.md")]
//!
//! ## The way through this crate
//!
//! A request comes to a [`VerifyService`], which a [`VerifyLayer`] put around your service. It asks its [`PolicySource`] for the
//! [`Policy`] of this request and judges the head. Then a [`VerifyFuture`] takes the body frame by frame: a
//! [`Verifier`] of the policy's [`Keyring`] hashes it, and it is kept within [`max_buffered`] bytes. If the [`Signature`]
//! holds, the [`EventRule`] is read, the [`FreshRule`] (if there is one) judges, and a [`Verified`] is made, of which the inner service gets a copy in the extensions and a
//! [`VerifiedBody`]. If anything does not, there is a [`Rejection`], told to [`Observe`] and answered by [`Respond`].
//! [`verify`] goes the same way without a service.
//!
//! The judgement stands in one private module, and nothing else makes a [`Verified`]. This crate knows no runtime, timer, file or flag;
//! it looks at the clock only for a [`FreshRule`].
#![cfg_attr(docsrs, feature(doc_cfg))]

mod compare;
mod event;
#[cfg(feature = "axum-core")]
mod extract;
mod fresh;
mod gather;
mod intake;
mod keyring;
mod mac;
mod observe;
mod payload;
#[cfg(feature = "serde")]
mod payload_error;
mod pointer;
mod policy;
mod rejection;
mod respond;
mod secret;
mod signature;
mod signer;
#[cfg(feature = "tracing")]
mod tracing_observer;
mod verified;
mod verifier;
mod verify;
mod weakness;

#[cfg(all(feature = "axum-core", feature = "serde"))]
pub use extract::VerifiedJson;
#[cfg(feature = "serde")]
pub use payload_error::{PayloadError, PayloadErrorKind};
#[cfg(feature = "tracing")]
pub use tracing_observer::TracingObserver;
pub use {
    event::{Event, EventKind, EventRule, EventSource, KindError},
    fresh::{FreshRule, Staleness},
    gather::max_buffered,
    intake::verify,
    keyring::{Keyring, KeyringError},
    observe::Observe,
    pointer::{Pointer, PointerError},
    policy::{Policy, PolicySource, StaticPolicy},
    rejection::{Fault, Rejection, RejectionKind},
    respond::{ProblemJson, RejectionBody, RejectionResponse, Respond},
    secret::{NameError, Secret, SecretError, SecretName},
    signature::{HeaderForm, Malformed, Signature},
    signer::Signer,
    verified::{Verified, VerifiedBody},
    verifier::Verifier,
    verify::{ResponseBody, VerifyFuture, VerifyLayer, VerifyService},
    weakness::Weakness,
};
