//! An axum app with the layer, which posts each new order to a support chat.
//!
//! Most chats (Slack, Mattermost and others) accept `{"text": "…"}` at a URL. Set it as
//! `SUPPORT_URL`; without it, the app prints the message.
//!
//! A forged order never reaches `new_order`, because only a verification creates its argument. The
//! response is 204 once the chat has the message, and 502 if it does not, so that the sender
//! retries.
//!
//! Try it, in two terminals:
//!
//! ```text
//! printf 'correct-horse-battery-staple' > secret.txt && chmod 600 secret.txt
//! cargo run --example axum_support -- secret.txt
//!
//! cargo run -- send http://127.0.0.1:3000/webhooks/orders --secret-file secret.txt
//! cargo run -- send http://127.0.0.1:3000/webhooks/orders --secret-file secret.txt --forge all
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints to the terminal"
)]

use std::{env, error::Error, fs, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde::Deserialize;
use tower_cartgate::{Keyring, Policy, Secret, TracingObserver, VerifiedJson, VerifyLayer};
use tower_http::timeout::RequestBodyDeadlineLayer;

/// The fields of a payload that this app reads. The merchant chooses the fields, so only those that
/// the message needs are required; a payload without them gets a 422.
#[derive(Deserialize)]
struct Delivery {
    order: Order,
}

#[derive(Deserialize)]
struct Order {
    number: String,
    total: Option<String>,
    currency: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("give the file with the secret")?;
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let secret = Secret::from_line(fs::read(file)?)?;
    for weakness in secret.weaknesses() {
        eprintln!("warning: {weakness}");
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, site(secret, Chat::from_env())).await?;
    Ok(())
}

fn site(secret: Secret, chat: Chat) -> Router {
    // Logs rejections. Without an observer they are silent.
    let layer = VerifyLayer::new(Policy::new(Keyring::single(secret))).observe(TracingObserver);
    let webhooks = Router::new()
        .route("/webhooks/orders", post(new_order).put(new_order))
        .with_state(chat)
        .route_layer(layer)
        // Outside of the layer, which has no timer.
        .layer(RequestBodyDeadlineLayer::new(Duration::from_secs(10)));
    // Routes merged here are not behind the layer.
    Router::new()
        .route("/health", axum::routing::get(|| async { "well" }))
        .merge(webhooks)
}

async fn new_order(
    State(chat): State<Chat>,
    VerifiedJson(Delivery { order }): VerifiedJson<Delivery>,
) -> StatusCode {
    match chat.post(message(&order)).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(error) => {
            eprintln!("order {} was not posted: {error}", order.number);
            StatusCode::BAD_GATEWAY
        }
    }
}

fn message(order: &Order) -> String {
    match (&order.total, &order.currency) {
        (Some(total), Some(currency)) => format!("New order {}: {total} {currency}", order.number),
        _ => format!("New order {}", order.number),
    }
}

/// The chat of the support team.
#[derive(Clone)]
enum Chat {
    Hook { url: String, client: ureq::Agent },
    Terminal,
}

impl Chat {
    fn from_env() -> Self {
        let Ok(url) = env::var("SUPPORT_URL") else {
            return Self::Terminal;
        };
        // Cartfunnel does not publish its timeout; similar services wait for 5 s.
        let client = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(4)))
            .build();
        Self::Hook {
            url,
            client: client.into(),
        }
    }

    async fn post(&self, text: String) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self.clone() {
            Self::Hook { url, client } => {
                let body = serde_json::json!({ "text": text }).to_string();
                // This client blocks, so it runs on a thread for blocking work.
                let post = move || {
                    client
                        .post(&url)
                        .content_type("application/json")
                        .send(body)
                };
                tokio::task::spawn_blocking(post).await??;
            }
            Self::Terminal => println!("{text}"),
        }
        Ok(())
    }
}
