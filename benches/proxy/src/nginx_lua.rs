//! nginx with Lua, which calls OpenSSL's HMAC without a copy and reuses its keyed state.

use std::{io, process::Command};

use crate::{
    delivery::{PATH, SECRET},
    nginx::{self, Nginx},
    peer::{Peer, Site},
};

/// nginx from Debian with the Lua module.
pub(crate) struct NginxLua;

impl Peer for NginxLua {
    fn name(&self) -> &'static str {
        "nginx + Lua"
    }

    fn version(&self) -> io::Result<String> {
        nginx::version()
    }

    fn command(&self, site: &Site<'_>) -> io::Result<Command> {
        let nginx = Nginx {
            modules: &["ndk_http_module", "ngx_http_lua_module"],
            http: format!("init_by_lua_block {{ {} }}", INIT.replace("SECRET", SECRET)),
            locations: format!(
                "location = {PATH} {{
      access_by_lua_block {{ check() }}
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}"
            ),
        };
        nginx.command(site)
    }
}

const INIT: &str = r#"
    local ffi = require "ffi"
    ffi.cdef[[
      typedef struct hmac_ctx_st HMAC_CTX;
      HMAC_CTX *HMAC_CTX_new(void);
      const void *EVP_sha256(void);
      int HMAC_Init_ex(HMAC_CTX *ctx, const void *key, int length, const void *md, void *engine);
      int HMAC_Update(HMAC_CTX *ctx, const char *data, size_t length);
      int HMAC_Final(HMAC_CTX *ctx, unsigned char *tag, unsigned int *length);
      int CRYPTO_memcmp(const void *a, const void *b, size_t length);
    ]]
    local crypto = ffi.C
    local ctx, tag = crypto.HMAC_CTX_new(), ffi.new("unsigned char[32]")
    crypto.HMAC_Init_ex(ctx, "SECRET", #"SECRET", crypto.EVP_sha256(), nil)
    local var, request, exit, decode = ngx.var, ngx.req, ngx.exit, ngx.decode_base64
    function check()
      local signature = var.http_x_cartfunnel_hmac_sha256
      signature = signature and decode(signature)
      if not signature or #signature ~= 32 then return exit(401) end
      request.read_body()
      local body = request.get_body_data() or ""
      crypto.HMAC_Init_ex(ctx, nil, 0, nil, nil)
      crypto.HMAC_Update(ctx, body, #body)
      crypto.HMAC_Final(ctx, tag, nil)
      if crypto.CRYPTO_memcmp(tag, signature, 32) ~= 0 then return exit(401) end
    end
"#;
