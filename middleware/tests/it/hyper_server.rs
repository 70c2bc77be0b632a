//! Tests behind hyper: bodies from a socket, chunked and with trailers.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower_cartgate::{VerifiedBody, VerifyService};

use crate::support::{BODY, policy, run, signer};

async fn pieces(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let verified = request.body().verified();
    let text = format!(
        "{} in {}",
        String::from_utf8_lossy(&verified.bytes()),
        verified.chunks().len()
    );
    Ok(Response::new(Full::from(text)))
}

/// Sends the parts one by one and returns the whole response.
fn exchange(parts: &[&str]) -> String {
    run(async {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        let service =
            TowerToHyperService::new(VerifyService::new(tower::service_fn(pieces), policy()));
        let mut http = http1::Builder::new();
        http.half_close(true);
        let serve = http.serve_connection(TokioIo::new(server), service);
        let send = async {
            for part in parts {
                client.write_all(part.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let (served, answer) = tokio::join!(serve, send);
        served.unwrap();
        answer
    })
}

fn head(framing: &str) -> String {
    let signature = signer().sign(BODY.as_bytes());
    format!(
        "POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-cartfunnel-hmac-sha256: {signature}\r\n{framing}\r\n\r\n"
    )
}

#[test]
fn a_body_with_a_length_is_kept_in_one_piece() {
    let head = head("content-length: 11");
    for parts in [&[&*format!("{head}{BODY}")][..], &[&head, BODY]] {
        let answer = exchange(parts);
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        assert!(answer.ends_with(&format!("{BODY} in 1")), "{answer}");
    }
}

#[test]
fn chunks_are_put_together_and_trailers_dropped() {
    let head = head("transfer-encoding: chunked\r\ntrailer: x-more");
    let parts = [
        &head,
        "1\r\n{\r\n",
        "4\r\n\"ord\r\n",
        "6\r\ner\":1}\r\n",
        "0\r\nx-more: unsigned\r\n\r\n",
    ];
    for parts in [&parts[..], &[&parts.concat()]] {
        let answer = exchange(parts);
        assert!(answer.ends_with(&format!("{BODY} in 1")), "{answer}");
    }
}

#[test]
fn a_body_that_ends_early_is_refused() {
    let answer = exchange(&[&head("content-length: 12"), BODY]);
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[test]
fn a_forger_is_told_the_status_alone() {
    let forged = head("content-length: 11").replace("POST", "PUT");
    let answer = exchange(&[&forged, r#"{"order":2}"#]);
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized"), "{answer}");
    assert!(answer.contains("content-length: 37\r\n"), "{answer}");
    assert!(
        answer.ends_with(r#"{"title":"Unauthorized","status":401}"#),
        "{answer}"
    );
}
