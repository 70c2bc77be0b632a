//! A trickle of deliveries and forgeries.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::time::sleep;
use tower_cartgate::{Secret, Signature};

use super::{
    random::Random,
    settings::{CARTS_PATH, ORDERS_PATH},
    shop::SampleShop,
};
use crate::{
    client::{Client, Envelope, ForgeryKind, Outgoing, forge},
    demo::gate::TIMEOUT,
    net::{connect::Trust, destination_address::Address, listener::ListenAddress},
};

/// The average time between two requests.
const PACE: Duration = Duration::from_millis(500);

/// One request in so many is a forgery.
const FORGERY_IN: u64 = 8;

/// One request in so many repeats the previous order, as a sender does that got no response.
const REPEAT_IN: u64 = 20;

/// One request in so many carries a cart.
const CART_IN: u64 = 4;

/// One request in so many is a PUT.
const PUT_IN: u64 = 10;

/// Sends to the gate at this address until it is dropped.
pub(super) async fn send_to(gate: &ListenAddress, secret: &Secret) -> io::Result<()> {
    let (orders, carts) = (client(gate, ORDERS_PATH)?, client(gate, CARTS_PATH)?);
    let (mut orders, mut carts) = (orders.connection(), carts.connection());
    let mut requests = Requests::new(Random::from_clock());
    loop {
        let (path, outgoing) = requests.next(secret);
        let connection = if path == CARTS_PATH {
            &mut carts
        } else {
            &mut orders
        };
        // The console shows the response.
        let _ = connection.deliver(outgoing).await;
        sleep(requests.pause()).await;
    }
}

fn client(gate: &ListenAddress, path: &str) -> io::Result<Client> {
    let url = format!("http://{gate}{path}");
    let address: Address = url.parse().map_err(io::Error::other)?;
    Client::new(&address, &Trust::Platform, TIMEOUT).map_err(io::Error::other)
}

/// The requests of a sample shop, and of somebody who forges them.
struct Requests {
    shop: SampleShop,
    random: Random,
    last_order: Option<Bytes>,
}

impl Requests {
    fn new(mut random: Random) -> Self {
        Self {
            shop: SampleShop::new(random.below(u64::MAX)),
            random,
            last_order: None,
        }
    }

    /// Returns the path and the next request.
    fn next(&mut self, secret: &Secret) -> (&'static str, Outgoing) {
        let is_cart = self.random.one_in(CART_IN);
        let (path, body) = match is_cart {
            true => (CARTS_PATH, self.shop.cart()),
            false => (ORDERS_PATH, self.order()),
        };
        let method = match self.random.one_in(PUT_IN) {
            true => Method::PUT,
            false => Method::POST,
        };
        let envelope = Envelope::new(method, Signature::HEADER, HeaderMap::new());
        (path, self.sign(&envelope, secret, body))
    }

    fn order(&mut self) -> Bytes {
        match self.last_order.take() {
            Some(repeated) if self.random.one_in(REPEAT_IN) => repeated,
            _ => {
                let order = self.shop.order();
                self.last_order = Some(order.clone());
                order
            }
        }
    }

    fn sign(&mut self, envelope: &Envelope, secret: &Secret, body: Bytes) -> Outgoing {
        if self.random.one_in(FORGERY_IN) {
            let kind = *self.random.pick(ForgeryKind::ALL);
            let forged = forge(kind, envelope, secret, body);
            return forged.expect("the payloads are JSON, which allows every kind");
        }
        envelope.genuine(secret, body)
    }

    fn pause(&mut self) -> Duration {
        PACE / 2 + Duration::from_millis(self.random.below(1 + millis(PACE)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    use tower_cartgate::{Keyring, Policy, verify};

    #[test]
    fn most_requests_are_genuine_and_some_are_forged() {
        let secret = Secret::new("a secret of the tests").expect("not empty");
        let policy = Policy::new(Keyring::single(secret.clone()));
        let mut requests = Requests::new(Random::new(3));
        let (mut forged, mut carts, mut repeated) = (0, 0, 0);
        let mut last = Bytes::new();
        for _ in 0..800 {
            let (path, outgoing) = requests.next(&secret);
            carts += u32::from(path == CARTS_PATH);
            repeated += u32::from(outgoing.body == last);
            last = outgoing.body.clone();
            forged += u32::from(verify(&policy, &outgoing.headers, outgoing.body).is_err());
        }
        assert!((60..=140).contains(&forged), "{forged}");
        assert!((140..=260).contains(&carts), "{carts}");
        assert!((5..=60).contains(&repeated), "{repeated}");
    }

    #[test]
    fn the_pace_is_about_two_a_second() {
        let mut requests = Requests::new(Random::new(3));
        let all: Duration = (0..1_000).map(|_| requests.pause()).sum();
        assert!((450..=550).contains(&all.as_secs()), "{all:?}");
    }
}
