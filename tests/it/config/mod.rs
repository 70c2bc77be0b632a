//! The configuration file, by the built program: what it serves, what a reload takes up, and what `check` says of it.

mod check;
mod clear_text;
mod durable;
mod example;
mod generated;
mod kubernetes;
mod schema;
mod serving;
mod sources;
mod starting;
mod variables;

use crate::support::App;

/// Two shops, one of them with Shopify's header, and three endpoints.
pub(crate) fn two_shops(app: &App) -> String {
    let url = &app.url;
    format!(
        r#"
[server]
listen = "127.0.0.1:0"
workers = 2

[secret.current]
file = "secret"

[secret.other-shop]
file = "another"

[[endpoint]]
name = "orders"
path = "/orders"
host = "one.example"
secrets = ["current"]
event = {{ kind = "order" }}
[[endpoint.destination]]
url = "{url}/app/orders"

[[endpoint]]
name = "carts"
path = "/carts"
secrets = ["current"]
event = {{ kind = "abandoned-cart" }}
[[endpoint.destination]]
url = "{url}/app/carts"

[[endpoint]]
name = "other"
path = "/orders"
host = "two.example"
header = "X-Shopify-Hmac-SHA256"
secrets = ["other-shop"]
methods = "POST"
[[endpoint.destination]]
url = "{url}"
"#
    )
}
