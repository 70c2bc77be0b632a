//! The first part: genuine deliveries and forgeries through a gate in direct mode.

use std::{future::pending, io, net::SocketAddr, sync::Arc};

use http::Method;
use tokio::sync::watch;
use tower_cartgate::{EventKind, Secret};

use super::{
    app::App,
    gate::{bind, body, client, config, endpoint, envelope},
    trial::{Sent, Trial},
};
use crate::{
    Resources,
    client::{Client, ForgeryKind, Outgoing, forge},
};

/// The deliveries of the first part and their results.
#[derive(Debug)]
pub(super) struct Direct {
    pub(super) app: SocketAddr,
    pub(super) gate: SocketAddr,
    pub(super) trials: Vec<Trial>,
    /// Requests that the app has received at the end.
    pub(super) received: usize,
}

impl Direct {
    /// Returns whether each delivery had the expected result, and the app received nothing after a
    /// response.
    pub(super) fn is_as_expected(&self) -> bool {
        let trials = self.trials.iter();
        let passing = trials.filter(|trial| trial.sent.must_pass()).count();
        self.received == passing && self.trials.iter().all(|trial| trial.as_expected)
    }

    /// Counts the deliveries of this kind that had the expected result.
    pub(super) fn count(&self, kind: impl Fn(&Sent) -> bool) -> usize {
        let trials = self.trials.iter();
        trials
            .filter(|trial| trial.as_expected && kind(&trial.sent))
            .count()
    }
}

/// Runs the gate and sends the deliveries.
pub(super) async fn run(secret: &Secret) -> io::Result<Direct> {
    let app = App::start().await?;
    let address = app.address()?;
    let listener = bind()?;
    let gate = listener
        .tcp_address()
        .ok_or_else(|| io::Error::other("the gate has no address"))?;
    let client = client(&listener)?;
    let endpoint = endpoint(&format!("http://{address}"), secret)?;
    // The gate follows the sender, so it must live as long as the gate.
    let (_sender, config) = watch::channel(Arc::new(config(endpoint)));
    let trials = tokio::select! {
        ended = crate::serve(Resources::with_listeners(vec![listener]), config, pending()) => {
            ended.and(Err(io::Error::other("the gate ended by itself")))
        }
        trials = send_all(&app, &client, secret) => trials,
    };
    Ok(Direct {
        app: address,
        gate,
        trials: trials?,
        received: app.received().len(),
    })
}

async fn send_all(app: &App, client: &Client, secret: &Secret) -> io::Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for kind in [EventKind::Order, EventKind::AbandonedCart] {
        for method in [Method::POST, Method::PUT] {
            let sent = Sent::Genuine(method.clone(), kind);
            let outgoing = envelope(method).genuine(secret, body(kind, 0));
            trials.push(send(app, client, sent, outgoing).await);
        }
    }
    for &kind in ForgeryKind::ALL {
        let body = body(EventKind::Order, 0);
        let forged = forge(kind, &envelope(Method::POST), secret, body);
        let forged = forged.map_err(io::Error::other)?;
        trials.push(send(app, client, Sent::Forgery(kind), forged).await);
    }
    Ok(trials)
}

/// Sends a delivery, and takes the requests that the app has received since.
async fn send(app: &App, client: &Client, sent: Sent, outgoing: Outgoing) -> Trial {
    let before = app.received().len();
    let body = outgoing.body.clone();
    let response = client.connection().deliver(outgoing).await;
    let arrived = app.received().split_off(before);
    Trial::new(sent, &response, &body, &arrived)
}
