//! Counts the results of each server.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard},
};

use crate::{connection::Unasked, delivered::Delivered, server::WebServer};

/// A difference: the reason for which it is permitted, its kind, and a detail.
pub(crate) type Difference = (Option<&'static str>, &'static str, String);

/// The results of all servers.
pub(crate) struct Results(Vec<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    forwarded: u64,
    alike: u64,
    /// The number of requests by the reason of their permitted difference.
    permitted: BTreeMap<&'static str, u64>,
    /// The number of other differences by kind, with an example.
    unexpected: BTreeMap<String, (u64, String)>,
}

impl Results {
    pub(crate) fn new(servers: usize) -> Self {
        Self((0..servers).map(|_| Mutex::default()).collect())
    }

    fn lock(&self, index: usize) -> MutexGuard<'_, Counts> {
        self.0[index].lock().expect("no panic")
    }

    /// Adds the result of a request.
    pub(crate) fn add(&self, index: usize, delivered: &Delivered, found: Vec<Difference>) {
        let mut counts = self.lock(index);
        counts.forwarded += 1;
        counts.alike += u64::from(found.is_empty());
        for (reason, kind, detail) in found {
            if let Some(reason) = reason {
                *counts.permitted.entry(reason).or_default() += 1;
                continue;
            }
            let example = || format!("{detail}\n    {}", shortened(&delivered.raw));
            let kind = if kind == "rejected" {
                format!("{kind} {detail}")
            } else {
                kind.to_owned()
            };
            let kind = counts.unexpected.entry(kind);
            kind.or_insert_with(|| (0, example())).0 += 1;
        }
    }

    /// Adds bytes that a server sent after its response.
    pub(crate) fn add_unasked(&self, index: usize, unasked: &Unasked) {
        let mut counts = self.lock(index);
        let kind = counts.unexpected.entry("a second response".to_owned());
        let example = || {
            let (bytes, request) = (shortened(&unasked.bytes), shortened(&unasked.request));
            format!("{bytes}\n    {request}")
        };
        kind.or_insert_with(|| (0, example())).0 += 1;
    }

    /// Returns the table in Markdown.
    pub(crate) fn table(&self, servers: &[WebServer]) -> String {
        let mut table = "| server | requests forwarded | read the same | permitted differences |\n\
                         |---|---|---|---|\n"
            .to_owned();
        for (index, server) in servers.iter().enumerate() {
            let counts = self.lock(index);
            let permitted = counts.permitted.iter();
            let permitted: Vec<_> = permitted
                .map(|(reason, count)| format!("{count}: {reason}"))
                .collect();
            let written = writeln!(
                table,
                "| {} | {} | {} | {} |",
                server.version,
                counts.forwarded,
                counts.alike,
                permitted.join("; ")
            );
            written.expect("a String takes all that is written");
        }
        table
    }

    /// Returns a text per kind of difference that is not permitted.
    pub(crate) fn unexpected(&self, servers: &[WebServer]) -> Vec<String> {
        let mut found = Vec::new();
        for (index, server) in servers.iter().enumerate() {
            let counts = self.lock(index);
            let each = counts.unexpected.iter();
            found.extend(each.map(|(kind, (count, example))| {
                format!("{}: {kind}, {count} times: {example}", server.version)
            }));
            if counts.forwarded == 0 {
                found.push(format!("{} has read nothing", server.version));
            }
        }
        found
    }
}

fn shortened(bytes: &[u8]) -> String {
    let mut text = bytes.escape_ascii().to_string();
    text.truncate(1500);
    text
}
