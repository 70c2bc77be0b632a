//! `[[endpoint.destination]]`: where verified deliveries go.

use super::document::Table;
use crate::{
    config::{plan::DestinationPlan, value},
    destination::{Address, Settings, Trust},
};

const HEADER: &str = "[[endpoint.destination]]";

/// The one destination of an endpoint, called as the endpoint is unless it has a name of its own.
pub(super) fn read(endpoint: &mut Table<'_, '_>, name: Option<&str>) -> Option<DestinationPlan> {
    let what = "a table [[endpoint.destination]] with the `url` of the app";
    let mut tables = endpoint.demand("destination", what)?.tables(HEADER);
    // Later ones are read for their mistakes, too.
    let plans: Vec<_> = tables.drain(..).map(|table| one(table, name)).collect();
    if plans.len() > 1 {
        endpoint.report("an endpoint has exactly one destination");
        return None;
    }
    plans.into_iter().next()?
}

fn one(mut table: Table<'_, '_>, endpoint: Option<&str>) -> Option<DestinationPlan> {
    let at = table.place();
    let name = table.text("name", value::name);
    let url = table.demand("url", "such as \"http://127.0.0.1:3000/hooks\"");
    let address = url.and_then(|url| url.text(str::parse::<Address>));
    let settings = settings(&mut table);
    table.close();
    Some(DestinationPlan {
        at,
        name: name.or_else(|| endpoint.map(str::to_owned))?,
        address: address?.value,
        settings,
    })
}

fn settings(table: &mut Table<'_, '_>) -> Settings {
    let default = Settings::default();
    let ca_file = table.text("ca_file", value::path);
    Settings {
        trust: ca_file.map_or(Trust::Platform, Trust::CaFile),
        preserve_host: table.flag("preserve_host").unwrap_or_default(),
        connect: table
            .text("connect_timeout", value::clock)
            .unwrap_or(default.connect),
        answer: table
            .text("timeout", value::clock)
            .unwrap_or(default.answer),
        pause: table.text("pause", value::clock).unwrap_or(default.pause),
        idle: table.text("idle", value::pause).unwrap_or(default.idle),
    }
}
