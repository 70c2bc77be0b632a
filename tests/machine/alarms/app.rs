//! An app whose status a test chooses.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering::SeqCst},
};

use crate::{
    servers::port::Port,
    support::{App, Then, app::answer},
};

/// A running app.
pub(super) struct ChangingApp {
    pub(super) app: App,
    status: Arc<AtomicU16>,
}

impl ChangingApp {
    /// Starts an app on a reserved port.
    pub(super) fn at(port: &Port, status: u16) -> Self {
        let chosen = Arc::new(AtomicU16::new(status));
        let present = Arc::clone(&chosen);
        let app = App::listening(port.listen(), move |_, wire| {
            let status = format!("{} x", present.load(SeqCst));
            wire.write_all(&answer(&status, "", b""))?;
            Ok(Then::Keep)
        });
        Self {
            app,
            status: chosen,
        }
    }

    /// Responds with another status from now on.
    pub(super) fn respond_with(&self, status: u16) {
        self.status.store(status, SeqCst);
    }
}

/// Returns the URL of a port.
pub(super) fn url(port: &Port) -> String {
    format!("http://{}", port.address())
}
