//! The sandbox of a gate: the files, directories and ports that its configuration needs.

use std::env;

use super::announce::TARGET;
use crate::{
    acme::CertificateStore,
    admin::TokenFile,
    cli::source::ConfigSource,
    config::Plan,
    inbox::settings::StoreAddress,
    net::{
        destination_address::Transport,
        listener::{ListenAddress, Listener},
    },
    proxy::config::Config,
    sandbox::{self, Needs, Permissions},
};

/// Enters the sandbox, if the configuration does not turn it off. Must run before the first thread
/// starts, and after the sockets were bound.
pub(super) fn enter(
    source: &ConfigSource,
    plan: &Plan,
    config: &Config,
    public: &[Listener],
    admin: &[Listener],
) {
    if !plan.server.sandbox {
        return;
    }
    let mut needs = needs(source, plan);
    add_alarms(config, &mut needs);
    needs_of_start(plan, admin, &mut needs);
    let mut permissions = Permissions::new(&needs);
    for listener in public.iter().chain(admin) {
        if let ListenAddress::Unix(path) = listener.address() {
            permissions.remove_socket(&path);
        }
    }
    if has_abstract_manager() {
        permissions.connect_abstract();
    }
    sandbox::enter(permissions);
}

/// Logs the state of the sandbox.
pub(super) fn announce() {
    match sandbox::current().map(sandbox::Sandbox::missing) {
        Some([]) => tracing::info!(target: TARGET, "sandbox enforced"),
        Some(missing) => tracing::warn!(
            target: TARGET,
            missing = missing.join(", "),
            "sandbox partly enforced"
        ),
        None => tracing::info!(target: TARGET, "sandbox off"),
    }
}

/// Returns the needs that a reload can change.
pub(super) fn needs(source: &ConfigSource, plan: &Plan) -> Needs {
    let mut needs = of_file(source);
    needs.read(plan.files());
    if let Some(acme) = plan.server.tls.as_ref().and_then(|tls| tls.acme.as_ref()) {
        let settings = acme.settings();
        needs.connect(settings.server.port(), "the ACME server");
        needs.write(settings.dir);
    }
    for destination in plan.destinations() {
        if let Transport::Tcp { port, .. } = destination.address.transport() {
            needs.connect(*port, format!("destination {}", destination.name));
        }
    }
    needs
}

/// Returns the needs of the receivers of alarms, whose URLs may be secrets that only a load reads.
pub(super) fn of_alarms(config: &Config) -> Needs {
    let mut needs = Needs::default();
    add_alarms(config, &mut needs);
    needs
}

fn add_alarms(config: &Config, needs: &mut Needs) {
    for alarm in &config.alarms {
        if let Transport::Tcp { port, .. } = alarm.address().transport() {
            needs.connect(*port, format!("alarm {}", alarm.name));
        }
    }
}

/// Returns the needs of the configuration file alone.
pub(super) fn of_file(source: &ConfigSource) -> Needs {
    let mut needs = Needs::default();
    needs.read(source.file());
    needs
}

/// Adds the needs that stay the same until a restart, and creates the directories that the gate would
/// create itself.
fn needs_of_start(plan: &Plan, admin: &[Listener], needs: &mut Needs) {
    if let Some(acme) = plan.server.tls.as_ref().and_then(|tls| tls.acme.as_ref()) {
        // The gate reports an error itself when it stores the first file.
        let _ = CertificateStore::new(&acme.settings()).create_directories();
    }
    if let Some(rejected) = &plan.rejected {
        // The gate reports an error itself when it opens the directory.
        let _ = rejected.settings.create_directory();
        needs.write(&rejected.settings.dir);
    }
    match plan.inbox.as_ref().map(|inbox| &inbox.store) {
        Some(StoreAddress::Sqlite(file)) => needs.write_beside(file),
        Some(store @ StoreAddress::Postgres(_)) => {
            for port in store.ports() {
                needs.connect(port, "the inbox");
            }
        }
        None => {}
    }
    if admin
        .iter()
        .any(|listener| listener.tcp_address().is_some())
        && let Some(directory) = TokenFile::directory()
    {
        needs.write(directory);
    }
}

/// Returns whether the service manager listens in the abstract namespace.
fn has_abstract_manager() -> bool {
    let socket = env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    socket.as_encoded_bytes().starts_with(b"@")
}
