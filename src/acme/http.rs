//! Requests to the ACME server. Time and size of each response are limited, redirects are not
//! followed, and only `https` is spoken, whatever the server's directory says.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, Uri,
    header::{CONNECTION, HOST, RETRY_AFTER, USER_AGENT},
    uri::PathAndQuery,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use tokio::time::timeout;

use super::schedule::MAX_WAIT;
use crate::net::{
    connect::{Connector, Trust},
    destination_address::Address,
};

/// The limit of the time for one request and its response.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The limit of a response's body. A chain of certificates takes a few KiB.
const MAX_BODY: usize = 256 * 1024;

/// Names the gate to the server (RFC 8555, section 6.1).
const AGENT: &str = concat!("cartgate/", env!("CARGO_PKG_VERSION"));

/// A client of one ACME server.
#[derive(Clone)]
pub(super) struct AcmeHttp(Arc<Inner>);

struct Inner {
    trust: Trust,
    connectors: Mutex<HashMap<String, Connector>>,
    /// The wait that the last failed response demanded.
    retry_after: Mutex<Option<Duration>>,
}

impl AcmeHttp {
    pub(super) fn new(trust: Trust) -> Self {
        Self(Arc::new(Inner {
            trust,
            connectors: Mutex::default(),
            retry_after: Mutex::default(),
        }))
    }

    /// Returns the wait that the last failed response demanded.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let demanded = self.0.retry_after.lock();
        *demanded.unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for AcmeHttp {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let host = request.uri().host().unwrap_or("?").to_owned();
            let failed =
                |reason: String| Error::Other(format!("the ACME server {host}: {reason}").into());
            match timeout(TIMEOUT, inner.exchange(request)).await {
                Ok(Ok(response)) => Ok(BytesResponse::from(response)),
                Ok(Err(reason)) => Err(failed(reason)),
                Err(_) => Err(failed("no response in time".to_owned())),
            }
        })
    }
}

impl Inner {
    async fn exchange(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<Response<Full<Bytes>>, String> {
        let is_directory = request.method() == Method::GET;
        let (connector, request) = self.prepare(request)?;
        let connected = connector.connect(TIMEOUT).await;
        let stream = connected.map_err(|error| error.to_string())?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        // Ends with the sender, whose requests return its errors.
        tokio::spawn(connection);
        let response = sender.send_request(request).await;
        let (mut head, body) = response.map_err(|error| error.to_string())?.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        let demanded = head.headers.get(RETRY_AFTER).and_then(seconds);
        head.headers.remove(RETRY_AFTER);
        if let Some(demanded) = demanded {
            // The library adds any number to the time, which panics for a huge one.
            head.headers.insert(RETRY_AFTER, demanded.as_secs().into());
        }
        if head.status.is_client_error() || head.status.is_server_error() {
            *self
                .retry_after
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = demanded;
        }
        if is_directory && head.status.is_success() {
            check_directory(&body)?;
        }
        if head.status.is_redirection() {
            return Err("it redirects; name the final URL in `directory`".to_owned());
        }
        Ok(Response::from_parts(head, Full::new(body)))
    }

    /// Returns the connector for a request, and the request as HTTP/1.1 writes it.
    fn prepare(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<(Connector, Request<BodyWrapper<Bytes>>), String> {
        let (mut head, body) = request.into_parts();
        let authority = https_authority(&head.uri)?;
        let connector = self.connector(&authority)?;
        let target = head.uri.path_and_query().cloned();
        head.uri = target
            .unwrap_or_else(|| PathAndQuery::from_static("/"))
            .into();
        let host = HeaderValue::try_from(authority).map_err(|error| error.to_string())?;
        head.headers.insert(HOST, host);
        head.headers
            .insert(USER_AGENT, HeaderValue::from_static(AGENT));
        head.headers
            .insert(CONNECTION, HeaderValue::from_static("close"));
        Ok((connector, Request::from_parts(head, body)))
    }

    /// Returns the connector of a host. It is kept, because it has read the trusted authorities.
    fn connector(&self, authority: &str) -> Result<Connector, String> {
        let connectors = self.connectors.lock();
        let mut connectors = connectors.unwrap_or_else(PoisonError::into_inner);
        if let Some(connector) = connectors.get(authority) {
            return Ok(connector.clone());
        }
        let address = format!("https://{authority}").parse::<Address>();
        let address = address.map_err(|error| error.to_string())?;
        let connector = Connector::new(&address, &self.trust).map_err(|error| error.to_string())?;
        connectors.insert(authority.to_owned(), connector.clone());
        Ok(connector)
    }
}

fn https_authority(uri: &Uri) -> Result<String, String> {
    match (uri.scheme_str(), uri.authority()) {
        (Some("https"), Some(authority)) => Ok(authority.to_string()),
        _ => Err("it names a URL without https".to_owned()),
    }
}

/// Checks the URLs in a directory, because the ACME library trusts them to be URLs.
fn check_directory(body: &[u8]) -> Result<(), String> {
    let parsed = serde_json::from_slice::<HashMap<String, serde_json::Value>>(body);
    let Ok(directory) = parsed else {
        // The library reports that this is no directory.
        return Ok(());
    };
    let mut urls = directory.values().filter_map(|value| value.as_str());
    urls.try_for_each(|url| {
        let uri = url.parse::<Uri>();
        let uri = uri.map_err(|_| "its directory contains an invalid URL".to_owned())?;
        https_authority(&uri).map(drop)
    })
}

/// Parses `Retry-After`, which is a number of seconds or a date. Limits it to [`MAX_WAIT`].
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let demanded = if is_number {
        // A number that fits nowhere is a huge one.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(SystemTime::now()).unwrap_or_default()
    };
    Some(demanded.min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    use rcgen::{CertificateParams, KeyPair};
    use rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    };
    use tempfile::TempDir;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use tokio_rustls::TlsAcceptor;

    use crate::net::certificate::server_config;

    /// A server under TLS that responds with the same bytes, whatever it is asked.
    struct Hostile {
        url: String,
        http: AcmeHttp,
        _dir: TempDir,
    }

    impl Hostile {
        async fn responding(response: Vec<u8>) -> Self {
            let dir = tempfile::tempdir().expect("a directory");
            let (config, pem) = config();
            let ca = dir.path().join("ca.pem");
            std::fs::write(&ca, pem).expect("written");
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            let acceptor = TlsAcceptor::from(Arc::new(config));
            tokio::spawn(async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    let mut tls = acceptor.accept(tcp).await.expect("a handshake");
                    let mut request = [0; 4096];
                    let _ = tls.read(&mut request).await;
                    // The client may leave before the end.
                    let _ = tls.write_all(&response).await;
                    let _ = tls.shutdown().await;
                }
            });
            Self {
                url: format!("https://{address}/dir"),
                http: AcmeHttp::new(Trust::CaFile(ca)),
                _dir: dir,
            }
        }

        async fn refused(&self, url: &str) -> String {
            let request = Request::get(url).body(BodyWrapper::default());
            match self.http.request(request.expect("a request")).await {
                Ok(_) => panic!("it is accepted"),
                Err(error) => error.to_string(),
            }
        }
    }

    fn config() -> (ServerConfig, String) {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = server_config(vec![certificate.der().clone()], private);
        (config.expect("a configuration"), certificate.pem())
    }

    fn ok(body: &str) -> Vec<u8> {
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    }

    #[tokio::test]
    async fn a_hostile_server_gets_neither_memory_nor_another_request() {
        let redirect = b"HTTP/1.1 307 x\r\nLocation: /dir\r\nContent-Length: 0\r\n\r\n".to_vec();
        let endless = [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            b"fffff\r\n".to_vec(),
            vec![b' '; 0xf_ffff],
        ];
        for (response, part) in [
            (redirect, "redirects"),
            (endless.concat(), "length limit exceeded"),
            (ok(r#"{"newNonce":"not a URL"}"#), "invalid URL"),
            (
                ok(r#"{"newNonce":"http://169.254.169.254/"}"#),
                "without https",
            ),
            (b"nonsense\r\n\r\n".to_vec(), "127.0.0.1: "),
        ] {
            let server = Hostile::responding(response).await;
            let text = server.refused(&server.url).await;
            assert!(text.contains(part), "{text}");
        }
        let server = Hostile::responding(ok("{}")).await;
        let plain = server.url.replace("https", "http");
        assert!(server.refused(&plain).await.contains("without https"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (_, pem) = config();
        let dir = tempfile::tempdir().expect("a directory");
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, pem).expect("written");
        let silent = Hostile {
            url: format!("https://{address}/dir"),
            http: AcmeHttp::new(Trust::CaFile(ca)),
            _dir: dir,
        };
        let text = silent.refused(&silent.url).await;
        assert!(text.contains("no response in time"), "{text}");
    }

    #[tokio::test]
    async fn the_wait_that_a_failure_demands_is_kept() {
        let failure =
            b"HTTP/1.1 429 x\r\nRetry-After: 7200\r\nContent-Length: 2\r\n\r\n{}".to_vec();
        let server = Hostile::responding(failure).await;
        let request = Request::get(&server.url).body(BodyWrapper::default());
        let response = server.http.request(request.expect("a request")).await;
        assert!(response.is_ok(), "the library reads the problem in it");
        assert_eq!(server.http.retry_after(), Some(Duration::from_secs(7200)));
        for (text, expected) in [
            ("18446744073709551615", MAX_WAIT),
            ("9223372036854775807", MAX_WAIT),
            ("99999999999999999999999999", MAX_WAIT),
            ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT),
            ("60", Duration::from_secs(60)),
        ] {
            let response =
                format!("HTTP/1.1 200 OK\r\nRetry-After: {text}\r\nContent-Length: 2\r\n\r\n{{}}");
            let server = Hostile::responding(response.into_bytes()).await;
            let request = Request::get(&server.url).body(BodyWrapper::default());
            let response = server.http.request(request.expect("a request")).await;
            let response = response.expect("a response");
            let seen = &response.parts.headers[RETRY_AFTER];
            assert_eq!(seen, &expected.as_secs().to_string(), "{text}");
        }
        let date = HeaderValue::from_static("Fri, 31 Dec 1999 23:59:59 GMT");
        assert_eq!(seconds(&date), Some(Duration::ZERO));
        assert_eq!(seconds(&HeaderValue::from_static("soon")), None);
    }
}
