//! The configuration and the start of nginx, common to both of its scripting modules.

use std::{fs, io, process::Command};

use crate::{
    files,
    peer::{self, Site, first_line, installed},
};

/// The directory of modules in Debian.
const MODULES: &str = "/usr/lib/nginx/modules";

pub(crate) fn version() -> io::Result<String> {
    first_line(&installed("nginx")?, "-v")
}

/// A configuration for one worker with these modules, settings of `http` and locations.
pub(crate) struct Nginx<'a> {
    pub(crate) modules: &'a [&'a str],
    pub(crate) http: String,
    pub(crate) locations: String,
}

impl Nginx<'_> {
    pub(crate) fn command(&self, site: &Site<'_>) -> io::Result<Command> {
        let program = installed("nginx")?;
        for module in self.modules {
            if !fs::exists(format!("{MODULES}/{module}.so"))? {
                return Err(io::Error::other(format!("its {module} is not installed")));
            }
        }
        let configuration = site.folder.join("nginx.conf");
        fs::write(&configuration, self.text(site))?;
        let mut command = Command::new(program);
        command.arg("-p").arg(&site.folder).arg("-e").arg("stderr");
        command.arg("-c").arg(configuration);
        peer::keep_large_buffers(&mut command);
        Ok(command)
    }

    /// Returns the configuration that is best for nginx: a body is in one buffer, never in a file,
    /// and connections serve any number of requests. The worker keeps the user of the master, so
    /// that it can write into the directory.
    fn text(&self, site: &Site<'_>) -> String {
        let modules = self.modules.iter();
        let modules: String = modules
            .map(|one| format!("load_module {MODULES}/{one}.so;\n"))
            .collect();
        let user = if rustix::process::geteuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let access = if site.task.logs { "access.log" } else { "off" };
        let body = site.task.body.max(16 * 1024);
        let connections = files::most_connections() * 2;
        let (listen, upstream) = (site.listen, site.upstream.address);
        let (http, locations) = (&self.http, &self.locations);
        format!(
            "{modules}
{user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections {connections}; }}
http {{
  access_log {access};
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_timeout 75s;
  keepalive_requests 1000000000;
  client_max_body_size 1m;
  client_body_buffer_size {body};
  client_body_in_single_buffer on;
  tcp_nodelay on;
  {http}
  upstream app {{
    server {upstream};
    keepalive 256;
    keepalive_requests 1000000000;
  }}
  server {{
    listen {listen} backlog=4096;
    {locations}
  }}
}}
"
        )
    }
}
