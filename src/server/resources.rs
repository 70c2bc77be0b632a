//! The sockets and services that a gate gets from its caller.

use std::sync::Arc;

use tokio::net::UnixListener;

use crate::{
    admin::{Credentials, ReloadHandle},
    inbox::Inbox,
    net::listener::Listener,
    proxy::meters::Metrics,
    server::service_manager::ServiceManager,
};

/// The sockets and services of a gate. They stay the same from its start to its end.
#[derive(Debug)]
pub struct Resources {
    /// Listeners for deliveries.
    pub public: Vec<Listener>,
    /// Listeners for operators and their tools.
    pub admin: Vec<Listener>,
    /// The counters of the gate.
    pub metrics: Arc<Metrics>,
    /// The service manager that started the gate.
    pub manager: ServiceManager,
    /// The inbox of durable endpoints.
    pub inbox: Option<Arc<Inbox>>,
    /// Carries reload requests to the caller, and reports to it when a configuration is in force.
    pub reloads: Option<ReloadHandle>,
    /// The socket for `cartgate healthcheck`.
    pub health: Option<UnixListener>,
    /// The credentials of the admin listeners; the gate makes its own if there are none.
    pub credentials: Option<Arc<Credentials>>,
}

impl Resources {
    /// Returns these public listeners, and no other service.
    #[must_use]
    pub fn with_listeners(public: Vec<Listener>) -> Self {
        Self {
            public,
            admin: Vec::new(),
            metrics: Arc::default(),
            manager: ServiceManager::default(),
            inbox: None,
            reloads: None,
            health: None,
            credentials: None,
        }
    }
}
