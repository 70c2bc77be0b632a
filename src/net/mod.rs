//! Networking below HTTP: addresses, listeners, byte streams, certificates, trusted proxies.

pub mod address;
pub mod connect;
pub(crate) mod dial;
pub(crate) mod host_name;
pub mod inherited;
pub mod listener;
pub(crate) mod resolve;
pub(crate) mod stream;
pub mod tls;
pub mod trusted_hops;
