//! `CARTGATE_*` variables without effect.

use std::{collections::BTreeSet, env, ffi::OsStr};

use super::{definition::definition, renamed, variables::variable, walk::every_command};
use crate::{config::variable_of, secret::source::SECRETS};

/// Returns a line for each `CARTGATE_*` variable without effect: most likely a misspelt one. `used`
/// lists the variables that hold secrets of the configuration; `from_file` tells whether it is a
/// file.
#[must_use]
pub fn unused_variables(used: &[&str], from_file: bool) -> Vec<String> {
    let definition = definition();
    let known: BTreeSet<String> = every_command(&definition)
        .into_iter()
        .flat_map(|command| {
            let name = command.get_name();
            command
                .get_arguments()
                .filter_map(move |arg| variable(name, arg))
        })
        .collect();
    let lines = env::vars_os().filter_map(|(name, value)| {
        let name = name
            .into_string()
            .unwrap_or_else(|name| name.to_string_lossy().into_owned());
        if !name.starts_with("CARTGATE_")
            || value.is_empty()
            || used.contains(&name.as_str())
            || known.contains(&name)
            || is_service_link(&name, &value)
        {
            return None;
        }
        if !SECRETS.contains(&name.as_str()) {
            let new = new_name(&name);
            let name = name.escape_debug();
            return Some(match new {
                Some(new) => format!("the variable {name} was renamed to {new}"),
                None => format!("the variable {name} is unknown to cartgate and has no effect"),
            });
        }
        from_file.then(|| format!("the variable {name} has no effect: the file does not name it"))
    });
    lines.collect()
}

/// Returns the new name of a variable whose flag was renamed.
fn new_name(variable: &str) -> Option<String> {
    let flag = variable.trim_start_matches("CARTGATE_");
    let flag = format!("--{}", flag.to_ascii_lowercase().replace('_', "-"));
    renamed::new_flag(&flag).map(variable_of)
}

/// Whether Kubernetes, or Docker for a linked container, sets this variable for a service named
/// `cartgate…`.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];
    let is_url = || {
        let url = value.to_str().and_then(|value| value.split_once("://"));
        url.is_some_and(|(scheme, _)| PROTOCOLS.contains(&scheme))
    };
    let (service, port) = match name.rsplit_once("_PORT_") {
        Some((service, port)) => (service, port),
        None => {
            return name.ends_with("_SERVICE_HOST")
                || name.ends_with("_SERVICE_PORT")
                || name.ends_with("_PORT") && is_url();
        }
    };
    // `…_SERVICE_PORT_HTTP`, `…_PORT_8080_TCP`, `…_PORT_8080_TCP_ADDR`.
    let mut parts = port.split('_');
    let numbered = parts
        .next()
        .is_some_and(|number| number.parse::<u16>().is_ok());
    let protocol = parts.next().map(str::to_ascii_lowercase);
    service.ends_with("_SERVICE")
        || numbered && protocol.is_some_and(|protocol| PROTOCOLS.contains(&protocol.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_of_a_cluster_are_no_mistakes() {
        for (name, value) in [
            ("CARTGATE_SERVICE_HOST", "10.0.0.1"),
            ("CARTGATE_SERVICE_PORT", "8080"),
            ("CARTGATE_SERVICE_PORT_HTTP", "8080"),
            ("CARTGATE_PORT", "tcp://10.0.0.1:8080"),
            ("CARTGATE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("CARTGATE_PORT_8080_TCP_PROTO", "tcp"),
            ("CARTGATE_PORT_8080_TCP_PORT", "8080"),
            ("CARTGATE_ADMIN_PORT_9180_TCP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_service_link(name, value.as_ref()), "{name}");
        }
        for (name, value) in [
            ("CARTGATE_PORT", "8080"),
            ("CARTGATE_MAX_BDOY", "1KiB"),
            ("CARTGATE_PORT_HTTP", "8080"),
        ] {
            assert!(!is_service_link(name, value.as_ref()), "{name}");
        }
    }
}
