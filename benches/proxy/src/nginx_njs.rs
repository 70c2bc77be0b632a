//! nginx with njs, the JavaScript of nginx.

use std::{fs, io, process::Command};

use crate::{
    delivery::{PATH, SECRET},
    nginx::{self, Nginx},
    peer::{Peer, Site},
};

/// nginx from Debian with the njs module.
pub(crate) struct NginxNjs;

impl Peer for NginxNjs {
    fn name(&self) -> &'static str {
        "nginx + njs"
    }

    fn version(&self) -> io::Result<String> {
        nginx::version()
    }

    fn command(&self, site: &Site<'_>) -> io::Result<Command> {
        fs::write(
            site.folder.join("check.js"),
            SCRIPT.replace("SECRET", SECRET),
        )?;
        let nginx = Nginx {
            modules: &["ngx_http_js_module"],
            http: format!("js_path {}; js_import check.js;", site.folder.display()),
            locations: format!(
                "location = {PATH} {{ js_content check.check; }}
    location @app {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}"
            ),
        };
        nginx.command(site)
    }
}

const SCRIPT: &str = r"
import crypto from 'crypto';

function check(r) {
    const signature = Buffer.from(r.headersIn['X-Cartfunnel-Hmac-SHA256'] || '', 'base64');
    const tag = crypto.createHmac('sha256', 'SECRET').update(r.requestBuffer || '').digest();
    let difference = signature.length ^ tag.length;
    for (let i = 0; i < tag.length; i++) {
        difference |= signature[i] ^ tag[i];
    }
    if (difference !== 0) {
        r.return(401);
    } else {
        r.internalRedirect('@app');
    }
}

export default { check };
";
