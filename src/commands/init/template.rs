//! The text of the configuration.

use super::answers::Answers;
use crate::cli::Front;

/// The path of the webhook if the app's URL has none.
const PATH: &str = "/webhooks/orders";

/// The paths in the configuration, and the address of port 443.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// The secret.
    pub(super) secret: String,
    /// The directory of the data.
    pub(super) data: String,
    /// The address of port 443.
    pub(super) https: &'static str,
}

impl Paths {
    /// Returns the paths of the systemd service.
    pub(super) fn of_service() -> Self {
        Self {
            secret: "/etc/cartgate/cartfunnel.secret".to_owned(),
            data: "/var/lib/cartgate".to_owned(),
            // The service has no privilege for the port; systemd binds it.
            https: "systemd:cartgate",
        }
    }
}

/// Returns the configuration in the packages, which `init --system` writes if nothing is given.
#[must_use]
pub fn packaged() -> String {
    text(&Paths::of_service(), &Answers::default())
}

/// Returns the path of the webhook.
pub(super) fn webhook(answers: &Answers) -> &str {
    answers
        .upstream
        .target()
        .map_or(PATH, |target| target.path())
}

/// Returns the configuration of a gate with these answers.
pub(super) fn text(paths: &Paths, answers: &Answers) -> String {
    let server = server(paths, &answers.front);
    let (path, url) = (
        quoted(webhook(answers)),
        quoted(&answers.upstream.to_string()),
    );
    let secret = quoted(&paths.secret);
    let inbox = quoted(&format!("sqlite:{}/inbox.db", paths.data));
    let rejected = quoted(&format!("{}/rejected", paths.data));
    format!(
        r#"# The configuration of Cartgate, as `cartgate init` writes it.
#
#   cartgate check          find every mistake in this file
#   cartgate check --show   print the configuration in force, with every default
#   cartgate status         show the gate and its open problems

[server]
{server}
# Apply a change of this file or of the secret within seconds, without losing a request. After a
# mistake, the old configuration stays in force.
watch = true

# The secret of Cartfunnel's Webhooks page. Only the gate's user may read the file (mode 0600).
[secret.cartfunnel]
file = {secret}

# The webhook. Only deliveries to exactly this path with a valid signature pass.
[[endpoint]]
name = "orders"
path = {path}
secrets = ["cartfunnel"]
# Respond once a delivery is stored, and deliver it until the app has accepted it. Without this line,
# Cartfunnel waits for the app's own response.
durable = true

# The app. Make it listen on loopback or on a Unix socket, so that nothing bypasses the gate.
[[endpoint.destination]]
name = "app"
url = {url}

# Deliveries that the app has not accepted yet: `cartgate inbox list`. Back up the key beside the file.
[inbox]
store = {inbox}

# Deliveries whose signature does not match, for a week. After a change of the secret at Cartfunnel,
# the gate delivers the genuine ones once it knows it. `cartgate rejected list` names the causes.
[rejected]
dir = {rejected}

# For `cartgate status`, `cartgate console` and `cartgate reload`; for this machine only.
[admin]
listen = "127.0.0.1:9180"
"#
    )
}

/// Returns the lines about the public side.
fn server(paths: &Paths, front: &Front) -> String {
    let domain = match front {
        Front::Plain(address) => {
            let listen = quoted(&address.to_string());
            return format!(
                r#"# The public address. Behind a proxy on this machine, add: trusted_proxies = ["127.0.0.1"]
listen = {listen}"#
            );
        }
        Front::Https(domain) => quoted(domain.as_str()),
    };
    let (listen, dir) = (quoted(paths.https), quoted(&format!("{}/acme", paths.data)));
    format!(
        r#"# Port 443, which must be the one of this host name for the whole internet.
listen = {listen}
# A certificate from Let's Encrypt, renewed in time; this agrees to its terms of service.
tls = {{ acme = {{ domains = [{domain}], dir = {dir} }} }}"#
    )
}

/// Returns a text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
