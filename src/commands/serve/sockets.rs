//! The sockets of a gate: bound, or taken from systemd.

use crate::{
    commands::outcome::Failure,
    config::{Plan, cannot_listen},
    net::{
        inherited::Inherited,
        listener::{ListenAddress, Listener},
    },
};

/// Returns the public listeners and the admin listeners.
pub(super) fn bind(plan: &Plan) -> Result<(Vec<Listener>, Vec<Listener>), Failure> {
    let admin = plan.admin_address();
    let mut inherited = inherited(plan.server.listen.iter().chain(admin))?;
    // The admin listener comes first, because plain `systemd` takes all remaining sockets.
    let admin = admin
        .map(|address| {
            let opened = Listener::open_private(address, &mut inherited);
            opened.map_err(|error| Failure::usage(cannot_listen(address, &error)))
        })
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

/// Returns the sockets from systemd, if an address refers to them.
fn inherited<'a>(
    mut addresses: impl Iterator<Item = &'a ListenAddress>,
) -> Result<Inherited, Failure> {
    if addresses.any(|address| matches!(address, ListenAddress::Systemd(_))) {
        Inherited::from_env().map_err(Failure::usage)
    } else {
        Ok(Inherited::default())
    }
}
