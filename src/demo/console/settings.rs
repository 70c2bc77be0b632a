//! The configuration file of the demonstration, as an operator would write it.

use std::path::Path;

use crate::net::listener::ListenAddress;

/// The name of the file.
pub(super) const CONFIG_FILE: &str = "cartgate.toml";

/// The path of the durable endpoint.
pub(super) const ORDERS_PATH: &str = "/webhooks/orders";

/// The path of the direct endpoint.
pub(super) const CARTS_PATH: &str = "/webhooks/carts";

/// The file of the secret that signs the deliveries.
pub(super) const SECRET_FILE: &str = "cartfunnel.secret";

/// The file of a secret that signs nothing any more.
pub(super) const PREVIOUS_SECRET_FILE: &str = "cartfunnel-previous.secret";

/// The socket of the sample app.
pub(super) const APP_SOCKET: &str = "app.sock";

/// Returns the text of the file. All other files are in `dir`.
pub(super) fn text(dir: &Path, public: &ListenAddress, admin: &ListenAddress) -> String {
    let file = |name: &str| toml::Value::from(dir.join(name).display().to_string());
    let app = toml::Value::from(format!("unix:{}", dir.join(APP_SOCKET).display()));
    let store = toml::Value::from(format!("sqlite:{}", dir.join("inbox.db").display()));
    let (secret, previous) = (file(SECRET_FILE), file(PREVIOUS_SECRET_FILE));
    let rejected = file("rejected");
    format!(
        r#"# The configuration of `cartgate demo --console`.
[server]
listen = "{public}"
workers = 1
drain_limit = "1s"

[admin]
listen = "{admin}"
console = "act"

[log]
explain = true

[inbox]
store = {store}
disk_floor = "1MiB"

[rejected]
dir = {rejected}

[secret.current]
file = {secret}

[secret.previous]
file = {previous}

[[endpoint]]
name = "orders"
path = "{ORDERS_PATH}"
secrets = ["current", "previous"]
event = {{ pointer = "/event", order = ["order.processed"], abandoned-cart = ["cart.abandoned"] }}
durable = true
unique = "/id"

[[endpoint.destination]]
name = "fulfilment"
url = {app}
timeout = "5s"
retry = ["5s", "15s", "1m"]

[[endpoint]]
name = "carts"
path = "{CARTS_PATH}"
secrets = ["current"]
event = {{ pointer = "/event", order = ["order.processed"], abandoned-cart = ["cart.abandoned"] }}

[[endpoint.destination]]
name = "reminders"
url = {app}
timeout = "5s"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::config::Plan;

    #[test]
    fn the_file_has_no_mistake() {
        let address = |text: &str| text.parse().expect("an address");
        let dir = Path::new("/tmp/a \"demo\"");
        let text = text(dir, &address("127.0.0.1:1"), &address("127.0.0.1:2"));
        let plan =
            Plan::from_text(&text).unwrap_or_else(|findings| panic!("{findings:#?}\n{text}"));
        assert_eq!(plan.endpoints.len(), 2);
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    }
}
