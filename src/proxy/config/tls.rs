//! The origin of the gate's certificate.

use std::sync::Arc;

use crate::{acme::AcmeSettings, net::certificate::Certificate};

/// The origin of the certificate of TCP listeners.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Files, which an operator or another program renews.
    Files(Arc<Certificate>),
    /// An ACME server.
    Acme {
        /// The settings of the orders.
        settings: Arc<AcmeSettings>,
        /// The certificate that was stored when the configuration was read.
        stored: Option<Arc<Certificate>>,
    },
}

impl Tls {
    /// Returns the settings of automatic certificates.
    pub(crate) fn acme(&self) -> Option<&Arc<AcmeSettings>> {
        match self {
            Self::Files(_) => None,
            Self::Acme { settings, .. } => Some(settings),
        }
    }
}

impl From<Arc<Certificate>> for Tls {
    fn from(certificate: Arc<Certificate>) -> Self {
        Self::Files(certificate)
    }
}
