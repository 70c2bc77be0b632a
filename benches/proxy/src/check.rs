//! The check of a peer: genuine deliveries reach the app, and forged and unsigned ones do not.

use std::io;

use crate::{
    delivery::Deliveries, fleet::Fleet, load::Expected, peer::Running, upstream::Upstream,
};

/// Checks a peer.
///
/// # Errors
///
/// Names the delivery that was treated wrongly.
pub(crate) fn check(
    peer: &Running,
    deliveries: &Deliveries,
    upstream: &Upstream,
) -> io::Result<()> {
    let mut fleet = Fleet::connect(peer.address, 1)?;
    for request in &deliveries.genuine {
        let before = upstream.arrived();
        let status = fleet.ask(request)?;
        let arrived = upstream.arrived() - before;
        if !Expected::Accepted.is(status) || arrived != 1 {
            let what = format!("a genuine delivery got {status} and arrived {arrived} times");
            return Err(io::Error::other(what));
        }
    }
    for request in deliveries.forged.iter().chain([&deliveries.unsigned]) {
        let before = upstream.arrived();
        let status = fleet.ask(request)?;
        let arrived = upstream.arrived() - before;
        if !Expected::Refused.is(status) || arrived != 0 {
            let what = format!("a forged delivery got {status} and arrived {arrived} times");
            return Err(io::Error::other(what));
        }
    }
    Ok(())
}
