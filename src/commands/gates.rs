//! Requests to the admin listeners of one or more gates.

use std::time::Duration;

use futures_util::future::join_all;
use tower_cartgate::Secret;

use super::{input, outcome::Failure, runtime::runtime};
use crate::{
    admin::{
        OwnToken,
        client::{AdminClient, AdminError},
    },
    net::destination_address::{Address, Transport},
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
        .map(|gate| {
            let own = match token {
                Some(_) => None,
                None => own_token(gate),
            };
            let client = match own {
                Some((address, token)) => AdminClient::new(&address, Some(&token), timeout),
                None => AdminClient::new(gate, token.as_ref(), timeout),
            };
            client.map_err(Failure::usage)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let responses = clients.iter().map(|client| request(client));
    let responses = runtime()?.block_on(join_all(responses));
    Ok(gates
        .iter()
        .map(ToString::to_string)
        .zip(responses)
        .collect())
}

/// Returns the token that a gate of this user has left, and the address to which alone it may be
/// sent, in clear text.
fn own_token(gate: &Address) -> Option<(Address, Secret)> {
    let Transport::Tcp {
        host,
        port,
        tls: false,
    } = gate.transport()
    else {
        return None;
    };
    let OwnToken { address, token } = OwnToken::find(host, *port)?;
    // An address and not the name, which may resolve to another one.
    Some((format!("http://{address}").parse().ok()?, token))
}
