//! Networking below HTTP: addresses, listeners, byte streams, certificates, trusted proxies.

pub(crate) mod accept;
pub mod certificate;
pub mod connect;
pub mod destination_address;
pub(crate) mod dial;
pub(crate) mod forwarded;
pub(crate) mod health_socket;
pub(crate) mod host_name;
pub mod inherited;
pub mod listener;
pub(crate) mod listening_users;
pub mod peer;
#[cfg(test)]
pub(crate) mod pipe;
pub(crate) mod resolve;
pub mod source;
pub(crate) mod stream;
#[cfg(test)]
pub(crate) mod test_tls;
pub mod trusted_hops;
