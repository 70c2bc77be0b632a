//! Requests to the admin listeners of one or more gates.

use std::time::Duration;

use futures_util::future::join_all;

use super::{input, outcome::Failure, runtime::runtime};
use crate::{
    admin::client::{AdminClient, AdminError},
    net::destination_address::Address,
    secret::source::SecretSource,
};

/// A gate by its address, and its response.
pub(super) type GateResponse<T> = (String, Result<T, AdminError>);

/// Sends the same request to all gates at once; returns their responses in the order of `gates`.
pub(super) fn request_all<T>(
    gates: &[Address],
    token: Option<SecretSource>,
    timeout: Duration,
    request: &impl AsyncFn(&AdminClient) -> Result<T, AdminError>,
) -> Result<Vec<GateResponse<T>>, Failure> {
    let token = input::token(token)?;
    let clients = gates.iter();
    let clients = clients
        .map(|gate| AdminClient::new(gate, token.as_ref(), timeout).map_err(Failure::usage))
        .collect::<Result<Vec<_>, _>>()?;
    let responses = clients.iter().map(|client| request(client));
    let responses = runtime()?.block_on(join_all(responses));
    Ok(gates
        .iter()
        .map(ToString::to_string)
        .zip(responses)
        .collect())
}
