//! `[admin]`: where operators ask how the gate is, and who may.

use super::{document::Table, secret};
use crate::config::plan::AdminPlan;

pub(super) fn read(mut table: Table<'_, '_>) -> Option<AdminPlan> {
    let at = table.place();
    let listen = table.demand(
        "listen",
        "an address such as \"127.0.0.1:9180\", or \"unix:/path\"",
    );
    let listen = listen.and_then(|listen| listen.text(str::parse));
    let token = table.take("token").map(|token| {
        let place = token.place();
        let source = token.table().and_then(secret::source);
        source.map(|source| (place, source))
    });
    let hosts = table.texts("hosts", str::parse).unwrap_or_default();
    table.close();
    Some(AdminPlan {
        at,
        listen: listen?.value,
        token: token.map_or(Some(None), |token| token.map(Some))?,
        hosts,
    })
}
