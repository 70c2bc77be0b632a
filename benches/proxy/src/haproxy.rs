//! HAProxy, which verifies the part of a body that fits its buffer.

use std::{fs, io, process::Command};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    delivery::{PATH, SECRET},
    files,
    peer::{self, Peer, Site, first_line, installed},
};

/// HAProxy from Debian.
pub(crate) struct Haproxy;

/// The default buffer of HAProxy, the best for small bodies.
const SMALL: usize = 16 * 1024;

/// The part of a buffer for added headers, and for a head.
const MARGIN: usize = 4 * 1024;

impl Peer for Haproxy {
    fn name(&self) -> &'static str {
        "HAProxy"
    }

    fn version(&self) -> io::Result<String> {
        first_line(&installed("haproxy")?, "-v")
    }

    fn command(&self, site: &Site<'_>) -> io::Result<Command> {
        let configuration = site.folder.join("haproxy.cfg");
        let buffer = buffer(site.task.body);
        fs::write(&configuration, text(site, buffer))?;
        let mut command = Command::new(installed("haproxy")?);
        command.arg("-db").arg("-f").arg(configuration);
        if buffer > SMALL {
            peer::keep_large_buffers(&mut command);
        }
        Ok(command)
    }
}

fn buffer(body: usize) -> usize {
    SMALL.max((body + MARGIN).next_multiple_of(SMALL))
}

fn text(site: &Site<'_>, buffer: usize) -> String {
    let log = if site.task.logs {
        "log stdout format raw local0\n  option httplog"
    } else {
        "no log"
    };
    let connections = files::most_connections();
    let (listen, upstream, key) = (site.listen, site.upstream.address, STANDARD.encode(SECRET));
    format!(
        "global
  nbthread 1
  maxconn {connections}
  tune.bufsize {buffer}
defaults
  mode http
  {log}
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-request 10s
  timeout http-keep-alive 75s
  option http-keep-alive
  http-reuse always
frontend gate
  bind {listen}
  http-request deny deny_status 404 unless {{ path {PATH} }}
  http-request deny deny_status 405 unless {{ method POST PUT }}
  http-request deny deny_status 401 unless {{ req.hdr_cnt(x-cartfunnel-hmac-sha256) eq 1 }}
  http-request wait-for-body time 30s
  http-request set-var(txn.signature) req.hdr(x-cartfunnel-hmac-sha256)
  http-request deny deny_status 401 unless {{ req.body,hmac(sha256,{key}),base64,secure_memcmp(txn.signature) }}
  default_backend app
backend app
  server app {upstream}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_buffer_is_small_for_what_is_small_and_holds_what_is_large() {
        assert_eq!((buffer(200), buffer(2048)), (SMALL, SMALL));
        assert!(buffer(64 * 1024) >= 64 * 1024 + MARGIN && buffer(64 * 1024) < 100_000);
    }
}
