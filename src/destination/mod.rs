//! Delivers to the protected apps over HTTP/1.1. Only a `Delivery` can
//! be sent.
//!
//! An attempt, from its start to its end:
//!
//! ```text
//! attempt → pool (or net::connect) → request_headers → head_writer → connection
//!         → response_future → response_head → response_body → body_decoder → pool
//! ```

mod app;
mod attempt;
mod attempt_error;
mod body_decoder;
mod connection;
#[cfg(any(test, fuzzing))]
pub mod differential;
mod fixed_headers;
mod forwarded_headers;
mod head_buffer;
mod head_writer;
mod header_fault;
mod header_lines;
mod host;
mod malformed_response;
pub(crate) mod meter;
mod pool;
mod preview;
mod request_headers;
mod response_body;
mod response_framing;
mod response_future;
mod response_head;
mod settings;
#[cfg(test)]
mod tests;
pub mod webhooks;

pub use app::Destination;
pub(crate) use attempt_error::AttemptError;
pub use fixed_headers::{FixedHeaderError, FixedHeaders};
pub use host::{HostError, HostRule};
pub(crate) use response_body::DestinationBody;
pub use settings::Settings;
