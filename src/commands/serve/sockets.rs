//! The sockets of a gate: bound, or taken from systemd.

use super::super::Failure;
use crate::{
    config::{Plan, cannot_listen},
    net::{
        inherited::Inherited,
        listener::{ListenAddress, Listener},
    },
};

/// The public sockets, and those of the operator.
pub(super) fn bind(plan: &Plan) -> Result<(Vec<Listener>, Vec<Listener>), Failure> {
    let admin = plan.admin_address();
    let mut inherited = inherited(plan.server.listen.iter().chain(admin))?;
    // The operator's first: plain `systemd` takes all that is left.
    let admin = admin
        .map(|address| open(address, &mut inherited))
        .transpose()?;
    let mut public = Vec::new();
    for address in &plan.server.listen {
        public.extend(open(address, &mut inherited)?);
    }
    Ok((public, admin.unwrap_or_default()))
}

fn open(address: &ListenAddress, inherited: &mut Inherited) -> Result<Vec<Listener>, Failure> {
    Listener::open(address, inherited)
        .map_err(|error| Failure::usage(cannot_listen(address, &error)))
}

/// What systemd handed over, where an address asks for it.
fn inherited<'a>(
    mut addresses: impl Iterator<Item = &'a ListenAddress>,
) -> Result<Inherited, Failure> {
    if addresses.any(|address| matches!(address, ListenAddress::Systemd(_))) {
        Inherited::from_env().map_err(Failure::usage)
    } else {
        Ok(Inherited::default())
    }
}
