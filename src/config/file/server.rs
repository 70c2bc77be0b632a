//! `[server]`: where the gate listens, how it runs, and what clients may take.

use std::time::Duration;

use super::document::{At, Table, Value};
use crate::{
    config::{
        finding::Place,
        plan::{ServerPlan, TlsPlan},
        value,
    },
    net::listener::ListenAddress,
    proxy::config::{default_workers, limits::Limits, timeouts::Timeouts},
    rejected,
};

pub(super) fn read(file: &mut Table<'_, '_>) -> Option<ServerPlan> {
    let table = file.demand("server", "a table [server] with at least `listen`")?;
    let mut table = table.table()?;
    let listen = listen(&mut table);
    let at = table.place();
    let memory = table.take("max_memory");
    let refused = table.take("keep_refused");
    let plan = ServerPlan {
        memory_at: memory.as_ref().map_or(table.place(), Value::place),
        limits: limits(&mut table, memory),
        workers: table
            .number("workers", value::count)
            .unwrap_or_else(default_workers),
        trusted_proxies: table
            .texts("trusted_proxies", str::parse)
            .unwrap_or_default(),
        timeouts: timeouts(&mut table),
        health_path: table.text("health_path", value::health_path),
        tls: table.table("tls").and_then(tls),
        keep_refused_at: refused.as_ref().map_or(at, Value::place),
        keep_refused: refused.and_then(keep_refused),
        listen_at: listen.as_ref().map_or(at, |(place, _)| *place),
        listen: listen.map(|(_, addresses)| addresses).unwrap_or_default(),
    };
    table.close();
    (!plan.listen.is_empty()).then_some(plan)
}

/// The addresses, and the place of the first.
fn listen(table: &mut Table<'_, '_>) -> Option<(Place, Vec<ListenAddress>)> {
    let value = table.demand(
        "listen",
        "an address such as \"127.0.0.1:8080\", or a list of them",
    )?;
    let value = value.not_empty("expected at least one address to listen on")?;
    let place = value.place();
    let addresses = value.texts(str::parse::<ListenAddress>);
    let addresses: Vec<_> = addresses.into_iter().map(|at| at.value).collect();
    (!addresses.is_empty()).then_some((place, addresses))
}

fn tls(mut table: Table<'_, '_>) -> Option<TlsPlan> {
    let at = table.place();
    let cert = table.demand("cert", "the PEM file with the certificate's chain");
    let cert = cert.and_then(|cert| cert.text(value::path));
    let key = table.demand("key", "the PEM file with the key of the certificate");
    let key = key.and_then(|key| key.text(value::path));
    table.close();
    Some(TlsPlan {
        at,
        cert: cert?.value,
        key: key?.value,
    })
}

/// A folder, or a table with the folder and its bounds.
fn keep_refused(value: Value<'_, '_>) -> Option<rejected::Settings> {
    if !value.is_table() {
        return value
            .text(value::path)
            .map(|at| rejected::Settings::new(at.value));
    }
    let mut table = value.table()?;
    let dir = table.demand("dir", "the folder for what is kept");
    let mut settings = rejected::Settings::new(dir.and_then(|dir| dir.text(value::path))?.value);
    if let Some(count) = table.number("count", value::count) {
        settings.count = count as u64;
    }
    if let Some(bytes) = table.number("bytes", value::size) {
        settings.bytes = bytes.as_u64();
    }
    if let Some(age) = table.text("age", value::clock) {
        settings.age = age;
    }
    if let Some(share) = table.number("share", value::count) {
        settings.share = share as u64;
    }
    table.close();
    Some(settings)
}

fn limits(table: &mut Table<'_, '_>, memory: Option<Value<'_, '_>>) -> Limits {
    let default = Limits::default();
    let memory = memory.and_then(|value| value.number(value::size));
    let header = table.number("max_header", value::header_size);
    Limits {
        connections: table
            .number("max_connections", value::count)
            .unwrap_or(default.connections),
        memory: memory.map_or(default.memory, |At { value, .. }| value.as_u64()),
        header: header.map_or(default.header, |size| {
            usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
        }),
    }
}

fn timeouts(table: &mut Table<'_, '_>) -> Timeouts {
    let default = Timeouts::default();
    let mut clock = |key, default: Duration| table.text(key, value::clock).unwrap_or(default);
    let (handshake, header, keep_alive, body, write) = (
        clock("handshake_timeout", default.handshake),
        clock("header_timeout", default.header),
        clock("keep_alive", default.keep_alive),
        clock("body_timeout", default.body),
        clock("write_timeout", default.write),
    );
    let rate = table.number("body_rate", value::size);
    Timeouts {
        handshake,
        header,
        keep_alive,
        body,
        body_grace: default.body_grace,
        body_rate: rate.map_or(default.body_rate, |size| size.as_u64()),
        write,
        drain_delay: table
            .text("drain_delay", value::pause)
            .unwrap_or(default.drain_delay),
        drain_limit: table
            .text("drain_limit", value::pause)
            .unwrap_or(default.drain_limit),
    }
}
