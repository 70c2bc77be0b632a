#![doc = include_str!("../README.md")]
//!
//! ## The path of a request
//!
//! 1. A [`VerifyLayer`] wraps your service in a [`VerifyService`]. For each request, the service
//!    asks its [`PolicySource`] for a [`Policy`] and checks the head.
//! 2. A [`VerifyFuture`] reads the body frame by frame. A [`Verifier`] of the policy's [`Keyring`]
//!    hashes the frames, and at most [`max_buffered`] bytes are held.
//! 3. If the [`Signature`] matches, the [`EventRule`] determines the event kind, the [`FreshRule`]
//!    (if any) checks the age, and the crate creates a [`Verified`]. The inner service gets it in
//!    the request's extensions, with a [`VerifiedBody`].
//! 4. Otherwise the crate creates a [`Rejection`], reports it to [`Observe`] and sends the response
//!    of [`Respond`].
//!
//! [`verify_request`] takes the same steps without a service, and [`verify`] performs the same checks
//! on a complete body; [`verify_at`] performs them on one that was received earlier.
//!
//! One private module contains the checks, and only that module creates a [`Verified`]. The crate
//! uses no runtime, timer, file or flag, and reads the clock only for a [`FreshRule`].
#![cfg_attr(docsrs, feature(doc_cfg))]

mod compare;
mod event;
#[cfg(feature = "axum-core")]
mod extract;
mod fresh;
mod gather;
#[cfg(feature = "axum-core")]
mod head;
mod intake;
mod keyring;
mod mac;
mod observe;
mod payload;
#[cfg(feature = "serde")]
mod payload_error;
mod pointer;
mod policy;
mod receive;
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
    intake::{verify, verify_at},
    keyring::{Keyring, KeyringError},
    observe::Observe,
    pointer::{Pointer, PointerError},
    policy::{Policy, PolicySource, StaticPolicy},
    receive::verify_request,
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
