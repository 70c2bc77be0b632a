//! A sample shop: orders and abandoned carts with varied values. Each has the fields of the sample
//! payload, and shows that it is test data.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};
use tower_cartgate::EventKind;

use super::random::Random;
use crate::{client::Sample, text::rfc3339};

/// A product: its number in the shop, its title, and its price in cents.
struct Product(&'static str, &'static str, u64);

const PRODUCTS: [Product; 9] = [
    Product("TEST-MUG-01", "Mug, blue", 1_900),
    Product("TEST-MUG-02", "Mug, speckled", 2_150),
    Product("TEST-TEA-05", "Tea \"Evening\", 250 g", 1_400),
    Product("TEST-TEA-07", "Tea \"Harbour\", 100 g", 790),
    Product("TEST-POT-02", "Teapot, 0.9 l", 4_450),
    Product("TEST-TIN-11", "Tin for loose tea", 1_250),
    Product("TEST-SET-01", "Gift set for two", 6_900),
    Product("TEST-HNY-03", "Lime-blossom honey, 500 g", 1_180),
    Product("TEST-SPN-04", "Spoon, olive wood", 640),
];

/// A customer: first name, last name, city, postal code and country.
struct Customer(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const CUSTOMERS: [Customer; 8] = [
    Customer("Mara", "Büyer", "Hamburg", "20095", "DE"),
    Customer("Jonas", "Lindqvist", "Göteborg", "411 03", "SE"),
    Customer("Chloé", "Martin", "Lyon", "69002", "FR"),
    Customer("Aiko", "Tanaka", "Kyoto", "600-8216", "JP"),
    Customer("Diego", "Ñúñez", "Sevilla", "41001", "ES"),
    Customer("Zofia", "Wójcik", "Kraków", "31-001", "PL"),
    Customer("Amelia", "O'Hara", "Cork", "T12 X70A", "IE"),
    Customer("Luca", "De Santis", "Torino", "10121", "IT"),
];

const METHODS: [&str; 4] = ["card", "card", "invoice", "wallet"];
const STEPS: [&str; 3] = ["contact", "shipping", "payment"];

/// The time between the visitor's last step and the report of an abandoned cart.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// A sample shop. Each order and each cart has a number of its own.
#[derive(Debug)]
pub struct SampleShop {
    random: Random,
    next: u64,
}

/// The lines of an order or a cart, and their sum in cents.
struct Items(Vec<Value>, u64);

impl SampleShop {
    /// Returns the shop of a seed. Equal seeds give equal values, apart from times.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            next: 100_001,
        }
    }

    /// Returns the payload of a new order.
    pub fn order(&mut self) -> Bytes {
        let (number, now) = (self.number(), SystemTime::now());
        let Items(items, subtotal) = self.items();
        let shipping = if subtotal > 5_000 { 0 } else { 490 };
        let discount = if self.random.one_in(4) {
            subtotal / 10
        } else {
            0
        };
        let total = subtotal - discount + shipping;
        let codes = if discount > 0 {
            json!(["TEST10"])
        } else {
            json!([])
        };
        let customer = self.random.pick(&CUSTOMERS);
        let created = now - Duration::from_secs(4 + self.random.below(25));
        let orders_count = 1 + self.random.below(6);
        let method = *self.random.pick(&METHODS);
        let address = address(customer);
        payload(
            EventKind::Order,
            [
                ("/id", json!(format!("test-order-{number}"))),
                ("/sent_at", json!(rfc3339::seconds(now))),
                ("/order/number", json!(format!("TEST-{number}"))),
                ("/order/created_at", json!(rfc3339::seconds(created))),
                ("/order/subtotal", money(subtotal)),
                ("/order/discount", money(discount)),
                ("/order/shipping", money(shipping)),
                ("/order/tax", money(total * 19 / 119)),
                ("/order/total", money(total)),
                ("/order/discount_codes", codes),
                ("/order/email", email(customer)),
                (
                    "/order/customer/id",
                    json!(format!("test-customer-{}", 2_000 + number % 997)),
                ),
                ("/order/customer/first_name", json!(customer.0)),
                ("/order/customer/last_name", json!(customer.1)),
                (
                    "/order/customer/accepts_marketing",
                    json!(self.random.one_in(2)),
                ),
                ("/order/customer/orders_count", json!(orders_count)),
                ("/order/shipping_address", address.clone()),
                ("/order/billing_address", address),
                ("/order/line_items", json!(items)),
                ("/order/payment/method", json!(method)),
                (
                    "/order/payment/transaction_id",
                    json!(format!("test-txn-{number}")),
                ),
                ("/order/payment/captured_at", json!(rfc3339::seconds(now))),
                (
                    "/order/status_url",
                    json!(format!(
                        "https://test-shop.example.com/orders/TEST-{number}"
                    )),
                ),
            ],
        )
    }

    /// Returns the payload of a cart that its visitor has left.
    pub fn cart(&mut self) -> Bytes {
        let (number, now) = (self.number(), SystemTime::now());
        let Items(items, subtotal) = self.items();
        let customer = self.random.pick(&CUSTOMERS);
        let left = now - ABANDONED_AFTER;
        let created = left - Duration::from_secs(60 + self.random.below(1_800));
        let token = format!("test-cart-token-{number}");
        let recovery =
            format!("https://test-shop.example.com/carts/{token}/recover?utm_source=test");
        payload(
            EventKind::AbandonedCart,
            [
                ("/id", json!(format!("test-cart-{number}"))),
                ("/sent_at", json!(rfc3339::seconds(now))),
                ("/cart/token", json!(token)),
                ("/cart/created_at", json!(rfc3339::seconds(created))),
                ("/cart/abandoned_at", json!(rfc3339::seconds(left))),
                ("/cart/step", json!(self.random.pick(&STEPS))),
                ("/cart/subtotal", money(subtotal)),
                ("/cart/total", money(subtotal + 490)),
                ("/cart/email", email(customer)),
                ("/cart/customer/first_name", json!(customer.0)),
                ("/cart/customer/last_name", json!(customer.1)),
                ("/cart/line_items", json!(items)),
                ("/cart/recovery_url", json!(recovery)),
            ],
        )
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn items(&mut self) -> Items {
        let count = 1 + self.random.below(3);
        let first = self.random.below(PRODUCTS.len() as u64);
        let mut items = Items(Vec::new(), 0);
        for place in 0..count {
            let index = usize::try_from(first + place).unwrap_or_default() % PRODUCTS.len();
            let Product(sku, title, price) = PRODUCTS[index];
            let quantity = 1 + self.random.below(3);
            items.0.push(json!({
                "id": format!("test-item-{}", place + 1),
                "sku": sku,
                "title": title,
                "quantity": quantity,
                "price": money(price),
                "total": money(price * quantity),
                "upsell": place > 0,
            }));
            items.1 += price * quantity;
        }
        items
    }
}

/// Returns the sample payload of a kind with other values.
fn payload<const N: usize>(kind: EventKind, values: [(&str, Value); N]) -> Bytes {
    let sample = Sample::of(kind).expect("there is a sample of both events");
    let mut payload: Value = serde_json::from_slice(&sample.body(0)).expect("the samples are JSON");
    for (pointer, value) in values {
        let place = payload.pointer_mut(pointer);
        *place.expect("the sample has this field") = value;
    }
    payload.to_string().into()
}

fn money(cents: u64) -> Value {
    json!(format!("{}.{:02}", cents / 100, cents % 100))
}

/// Returns a mail address that nobody can have.
fn email(customer: &Customer) -> Value {
    let name = format!("{}.{}", customer.0, customer.1);
    let plain = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '.');
    json!(format!(
        "{}@example.com",
        plain.collect::<String>().to_lowercase()
    ))
}

fn address(customer: &Customer) -> Value {
    let Customer(first, last, city, zip, country) = customer;
    json!({
        "name": format!("{first} {last}"),
        "address1": "1 Test Street",
        "address2": null,
        "city": city,
        "zip": zip,
        "province": null,
        "country": country,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeSet;

    fn shop() -> SampleShop {
        SampleShop::new(7)
    }

    fn keys(value: &Value) -> BTreeSet<String> {
        let object = value.as_object().expect("an object");
        object.keys().cloned().collect()
    }

    #[test]
    fn payloads_have_the_fields_of_the_samples() {
        let mut shop = shop();
        for (kind, body, inner) in [
            (EventKind::Order, shop.order(), "order"),
            (EventKind::AbandonedCart, shop.cart(), "cart"),
        ] {
            let sample = Sample::of(kind).expect("a sample").body(0);
            let sample: Value = serde_json::from_slice(&sample).expect("JSON");
            let payload: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(keys(&payload), keys(&sample));
            assert_eq!(keys(&payload[inner]), keys(&sample[inner]));
            assert_eq!(payload["test"], true);
            assert_eq!(payload["event"], sample["event"]);
        }
    }

    #[test]
    fn each_payload_is_another_and_its_sums_are_right() {
        let mut shop = shop();
        let mut seen = BTreeSet::new();
        for _ in 0..100 {
            let body = shop.order();
            let payload: Value = serde_json::from_slice(&body).expect("JSON");
            let cents = |value: &Value| -> u64 {
                let text = value.as_str().expect("text").replace('.', "");
                text.parse().expect("cents")
            };
            let order = &payload["order"];
            let items = order["line_items"].as_array().expect("a list");
            let sum: u64 = items.iter().map(|item| cents(&item["total"])).sum();
            assert_eq!(sum, cents(&order["subtotal"]));
            assert_eq!(
                cents(&order["subtotal"]) - cents(&order["discount"]) + cents(&order["shipping"]),
                cents(&order["total"])
            );
            let email = order["email"].as_str().expect("text").to_owned();
            assert!(
                email.is_ascii() && email.ends_with("@example.com"),
                "{email}"
            );
            assert!(seen.insert(body), "the same order twice");
        }
    }
}
