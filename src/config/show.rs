//! A plan as the text of a file that means the same, with every default written out: what is in force. Values that may be
//! secret are named by their place and never shown, so the text can be handed on.

use std::{
    fmt::{self, Display, Write as _},
    time::Duration,
};

use super::{
    Plan,
    event_plan::EventPlan,
    plan::{
        AdminPlan, DestinationPlan, EndpointPlan, FreshPlan, InboxPlan, LogPlan, OnwardPlan,
        QueuePlan, ServerPlan,
    },
};
use crate::{
    destination::HostRule,
    inbox::settings::StoreAddress,
    net::{connect::Trust, trusted_hops::Hop},
    secret::source::{Place, SecretSource},
};

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        text.server(&self.server);
        if let Some(admin) = &self.admin {
            text.admin(admin);
        }
        if let Some(inbox) = &self.inbox {
            text.inbox(inbox);
        }
        text.log(&self.log);
        text.secrets(&self.endpoints);
        for endpoint in &self.endpoints {
            text.endpoint(endpoint);
        }
        f.write_str(text.0.trim_end())
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn server(&mut self, server: &ServerPlan) {
        self.section("[server]");
        self.list("listen", &server.listen);
        self.plain("workers", server.workers);
        self.list("trusted_proxies", &hops(&server.trusted_proxies));
        let (limits, timeouts) = (&server.limits, &server.timeouts);
        self.plain("max_connections", limits.connections);
        self.plain("max_memory", limits.memory);
        self.plain("max_header", limits.header);
        if let Some(path) = &server.health_path {
            self.text("health_path", path);
        }
        if let Some(tls) = &server.tls {
            let (cert, key) = (quoted(tls.cert.display()), quoted(tls.key.display()));
            self.plain("tls", format_args!("{{ cert = {cert}, key = {key} }}"));
        }
        self.time("handshake_timeout", timeouts.handshake);
        self.time("header_timeout", timeouts.header);
        self.time("keep_alive", timeouts.keep_alive);
        self.time("body_timeout", timeouts.body);
        self.plain("body_rate", timeouts.body_rate);
        self.time("write_timeout", timeouts.write);
        self.time("drain_delay", timeouts.drain_delay);
        self.time("drain_limit", timeouts.drain_limit);
        if let Some(kept) = &server.keep_refused {
            let (dir, age) = (
                quoted(kept.dir.display()),
                humantime::format_duration(kept.age),
            );
            let (count, bytes, share) = (kept.count, kept.bytes, kept.share);
            let bounds =
                format!("count = {count}, bytes = {bytes}, age = \"{age}\", share = {share}");
            self.plain("keep_refused", format_args!("{{ dir = {dir}, {bounds} }}"));
        }
    }

    fn admin(&mut self, admin: &AdminPlan) {
        self.section("[admin]");
        self.text("listen", &admin.listen);
        if let Some((_, token)) = &admin.token {
            self.plain("token", source(token));
        }
        self.list("hosts", &admin.hosts);
    }

    fn inbox(&mut self, inbox: &InboxPlan) {
        self.section("[inbox]");
        self.text("store", &inbox.store);
        for (key, secret) in [
            ("password", &inbox.password),
            ("key", &inbox.key),
            ("encryption_key", &inbox.encryption_key),
        ] {
            if let Some((_, place)) = secret {
                self.plain(key, source(place));
            }
        }
        if let Some((_, path)) = &inbox.ca_file {
            self.text("ca_file", path.display());
        }
        self.plain("max_events", inbox.limits.events);
        self.plain("max_bytes", inbox.limits.bytes);
        if matches!(inbox.store, StoreAddress::Sqlite(_)) {
            self.plain("disk_floor", inbox.limits.disk_floor);
        }
        self.plain("max_copies", inbox.limits.copies);
        self.time("retain", inbox.retain);
    }

    fn log(&mut self, log: &LogPlan) {
        self.section("[log]");
        self.text("format", word(&log.format));
        self.text("level", word(&log.level));
        self.text("access", word(&log.access));
        self.plain("explain", log.explain);
    }

    fn secrets(&mut self, endpoints: &[EndpointPlan]) {
        let mut shown: Vec<&SecretSource> = Vec::new();
        for (_, source) in endpoints.iter().flat_map(|endpoint| &endpoint.secrets) {
            if !shown.contains(&source) {
                shown.push(source);
                self.section(&format!("[secret.{}]", source.name()));
                let (key, place) = place(source.place());
                self.text(key, place);
            }
        }
    }

    fn endpoint(&mut self, endpoint: &EndpointPlan) {
        self.section("[[endpoint]]");
        self.text("name", &endpoint.name);
        self.text("path", &endpoint.path);
        if let Some(host) = &endpoint.host {
            self.text("host", host);
        }
        self.list("methods", &endpoint.methods);
        self.text("header", &endpoint.header);
        self.plain("max_body", endpoint.max_body);
        self.plain("event", event(&endpoint.event));
        if let Some(fresh) = &endpoint.fresh {
            self.plain("fresh", shown_fresh(fresh));
        }
        self.text("query", endpoint.query);
        let (add, drop) = (&endpoint.headers.add, &endpoint.headers.drop);
        // A value may be a token.
        self.pairs(
            "add_headers",
            add.keys().map(|name| format!("{name} = {NOT_SHOWN}")),
        );
        self.list("drop_headers", drop);
        let secrets: Vec<_> = endpoint.secrets.iter().map(|(_, one)| one.name()).collect();
        self.list("secrets", &secrets);
        match &endpoint.onward {
            OnwardPlan::Direct(destination) => self.destination(destination),
            OnwardPlan::Durable { unique, queues } => {
                self.plain("durable", true);
                if let Some(unique) = unique {
                    self.text("unique", unique);
                }
                for queue in queues {
                    self.queue(queue);
                }
            }
        }
    }

    fn queue(&mut self, queue: &QueuePlan) {
        self.destination(&queue.destination);
        if !queue.kinds.is_empty() {
            self.list("events", &queue.kinds);
        }
        let waits = queue.schedule.waits().iter();
        let waits: Vec<_> = waits.copied().map(humantime::format_duration).collect();
        self.list("retry", &waits);
        self.plain("concurrency", queue.concurrency);
    }

    fn destination(&mut self, destination: &DestinationPlan) {
        self.section("[[endpoint.destination]]");
        self.text("name", &destination.name);
        self.text("url", &destination.address);
        let settings = &destination.settings;
        if let Trust::CaFile(path) = &settings.trust {
            self.text("ca_file", path.display());
        }
        match &settings.host {
            HostRule::Own => self.plain("preserve_host", false),
            HostRule::Preserve => self.plain("preserve_host", true),
            HostRule::Fixed(host) => self.text("host", host.to_str().unwrap_or_default()),
        }
        let headers = destination.headers.iter();
        self.pairs(
            "headers",
            headers.map(|(_, name, place)| format!("{name} = {}", source(place))),
        );
        let secrets: Vec<_> = destination.standard_webhooks.iter().collect();
        if !secrets.is_empty() {
            let secrets: Vec<_> = secrets.iter().map(|(_, place)| source(place)).collect();
            self.plain(
                "standard_webhooks",
                format_args!("[{}]", secrets.join(", ")),
            );
        }
        self.time("connect_timeout", settings.connect);
        self.time("timeout", settings.answer);
        self.time("pause", settings.pause);
        self.time("idle", settings.idle);
        self.time("max_age", settings.age);
    }

    fn section(&mut self, header: &str) {
        self.line(format_args!("\n{header}"));
    }

    fn text(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key} = {}", quoted(value)));
    }

    fn plain(&mut self, key: &str, value: impl Display) {
        self.line(format_args!("{key} = {value}"));
    }

    fn time(&mut self, key: &str, time: Duration) {
        self.text(key, humantime::format_duration(time));
    }

    fn list(&mut self, key: &str, values: &[impl Display]) {
        self.plain(key, list(values));
    }

    /// An inline table, unless there is nothing in it.
    fn pairs(&mut self, key: &str, pairs: impl Iterator<Item = String>) {
        let pairs: Vec<_> = pairs.collect();
        if !pairs.is_empty() {
            self.plain(key, format_args!("{{ {} }}", pairs.join(", ")));
        }
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a String takes everything");
    }
}

const NOT_SHOWN: &str = "\"(not shown)\"";

/// As a basic string of TOML.
fn quoted(value: impl Display) -> String {
    let mut text = String::from('"');
    for character in value.to_string().chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            control if control.is_control() => {
                write!(text, "\\u{:04X}", u32::from(control)).expect("a String takes everything");
            }
            other => text.push(other),
        }
    }
    text + "\""
}

fn list(values: &[impl Display]) -> String {
    let values: Vec<_> = values.iter().map(quoted).collect();
    format!("[{}]", values.join(", "))
}

fn hops(hops: &[Hop]) -> Vec<String> {
    hops.iter().map(ToString::to_string).collect()
}

fn word(value: &impl clap::ValueEnum) -> String {
    value
        .to_possible_value()
        .map_or_else(String::new, |word| word.get_name().to_owned())
}

/// The key and the text by which a file names the place of something secret.
fn place(place: &Place) -> (&'static str, String) {
    match place {
        Place::File(path) => ("file", path.display().to_string()),
        Place::Variable(variable) => ("env", variable.clone()),
        Place::Credential(name) => ("credential", name.clone()),
    }
}

/// The same as an inline table.
fn source(of: &Place) -> String {
    let (key, text) = place(of);
    format!("{{ {key} = {} }}", quoted(text))
}

fn shown_fresh(fresh: &FreshPlan) -> String {
    let time = |time| quoted(humantime::format_duration(time));
    let (pointer, within, skew) = (quoted(&fresh.pointer), time(fresh.within), time(fresh.skew));
    format!("{{ pointer = {pointer}, within = {within}, skew = {skew} }}")
}

fn event(event: &EventPlan) -> String {
    match event {
        EventPlan::Given(kind) => format!("{{ kind = {} }}", quoted(kind)),
        EventPlan::Field {
            pointer,
            order,
            abandoned_cart,
            only,
        } => {
            let mut keys = format!("pointer = {}", quoted(pointer));
            let only: Vec<_> = only.iter().map(ToString::to_string).collect();
            for (key, texts) in [
                ("order", order),
                ("abandoned-cart", abandoned_cart),
                ("only", &only),
            ] {
                if !texts.is_empty() {
                    write!(keys, ", {key} = {}", list(texts)).expect("a String takes everything");
                }
            }
            format!("{{ {keys} }}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_means_the_same() {
        let text = r#"
            [server]
            listen = ["127.0.0.1:0", "unix:/run/gate.sock"]
            tls = { cert = "/cert.pem", key = "/key.pem" }
            keep_refused = { dir = "/var/kept", age = "1d", share = 2 }
            trusted_proxies = ["10.0.0.0/8", "unix"]
            health_path = "/up"
            [admin]
            listen = "0.0.0.0:9180"
            token = { file = "/run/token" }
            hosts = ["gate.internal"]
            [secret.current]
            env = "SHOP"
            [[endpoint]]
            name = "orders"
            path = "/a\"b"
            host = "Shop.example"
            secrets = "current"
            event = { pointer = "/e", order = ["o\\\u0007"], only = ["order"] }
            fresh = { pointer = "/sent_at", within = "10m" }
            query = "drop"
            add_headers = { x-shop = "planted token" }
            drop_headers = ["user-agent"]
            [[endpoint.destination]]
            url = "https://127.0.0.1:1/x"
            ca_file = "/ca.pem"
            host = "app.example:81"
            headers = { authorization = { file = "/run/app" }, x-b = { credential = "b" } }
            standard_webhooks = [{ env = "WHSEC" }]
        "#;
        let plan = Plan::from_text(text).expect("a plan");
        let shown = plan.to_string();
        let again = Plan::from_text(&shown).expect(&shown);
        assert_eq!(again.to_string(), shown);
        assert!(!shown.contains("planted"));
        assert!(shown.contains(r#"only = ["order"]"#) && shown.contains(r#"path = "/a\"b""#));
    }
}
