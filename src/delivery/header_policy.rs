//! The headers that an app, a framework or a proxy may act on, and from whom they are passed on. Only the body is signed, so a
//! header is at best the word of the sender.

/// The clients from which an app may get such a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Giver {
    /// Nobody, or the gate itself.
    Nobody,
    /// The operator, for an endpoint or a destination. A webhook has no user, so that no proxy vouches for one.
    Operator,
    /// A trusted hop.
    TrustedHop,
}

use Giver::{Nobody, Operator, TrustedHop};

/// Names in the order of their bytes; a star stands for any rest. No name begins with one that has a star, so one search finds
/// either.
#[rustfmt::skip]
const RULES: [(&str, Giver, &str); 90] = [
    ("$ws*", TrustedHop, "WebSphere plug-in"),
    ("ali-cdn-real-ip", TrustedHop, "Alibaba CDN"),
    ("cdn-src-ip", TrustedHop, "CDNs"),
    ("cf-*", TrustedHop, "Cloudflare: client, scheme, Access identity"),
    ("client-cert*", TrustedHop, "RFC 9440"),
    ("client-ip", TrustedHop, "PHP frameworks, Rails"),
    ("cloudfront-*", TrustedHop, "CloudFront: client, scheme"),
    ("connection", Nobody, "RFC 9110, hop by hop"),
    ("content-length", Nobody, "framing is rebuilt"),
    ("cookie", Nobody, "a webhook has no session"),
    ("do-connecting-ip", TrustedHop, "DigitalOcean"),
    ("expect", Nobody, "RFC 9110, answered by the gate"),
    ("fastly-*", TrustedHop, "Fastly: client, scheme"),
    ("fly-*", TrustedHop, "Fly.io: client, scheme"),
    ("forwarded*", TrustedHop, "RFC 7239"),
    ("front-end-https", TrustedHop, "Microsoft ISA, Laravel"),
    ("host", Nobody, "the destination's own"),
    ("http-client-ip", TrustedHop, "CGI spelling"),
    ("http2-settings", Nobody, "RFC 7540, upgrade"),
    ("incap-client-ip", TrustedHop, "Imperva"),
    ("keep-alive", Nobody, "RFC 9110, hop by hop"),
    ("oidc-*", Operator, "mod_auth_openidc"),
    ("proxy", Nobody, "httpoxy: HTTP_PROXY"),
    ("proxy-*", Nobody, "RFC 9110, between a client and its proxy"),
    ("remote-*", Operator, "CGI, Authelia: Remote-User"),
    ("script-name", TrustedHop, "CGI, WSGI"),
    ("ssl-*", TrustedHop, "client certificate of a TLS terminator"),
    ("tailscale-*", Operator, "Tailscale Serve: user"),
    ("te", Nobody, "RFC 9110, hop by hop"),
    ("trailer", Nobody, "RFC 9110, trailers are dropped"),
    ("transfer-encoding", Nobody, "framing is rebuilt"),
    ("true-client-ip", TrustedHop, "Akamai, Cloudflare"),
    ("upgrade", Nobody, "RFC 9110, hop by hop"),
    ("webhook-*", Nobody, "Standard Webhooks"),
    ("wl-proxy-*", TrustedHop, "WebLogic plug-in"),
    ("x-accel-*", Nobody, "nginx, Rack::Sendfile"),
    ("x-amzn-mtls-*", TrustedHop, "AWS load balancer: client certificate"),
    ("x-amzn-oidc-*", Operator, "AWS load balancer: user"),
    ("x-anonymous-consumer", Operator, "Kong"),
    ("x-appengine-*", TrustedHop, "App Engine: client, caller"),
    ("x-arr-*", TrustedHop, "IIS request routing: certificate, scheme"),
    ("x-auth-*", Operator, "oauth2-proxy, SSO proxies: user"),
    ("x-authenticated-*", Operator, "Kong, Traefik: user"),
    ("x-authentik-*", Operator, "authentik"),
    ("x-azure-*", TrustedHop, "Azure Front Door: client"),
    ("x-cartgate-*", Nobody, "the gate's own"),
    ("x-cdn-src-ip", TrustedHop, "CDNs"),
    ("x-client-*", TrustedHop, "Apache, Azure: client; client certificate of a TLS terminator"),
    ("x-cluster-client-ip", TrustedHop, "Rackspace, Riverbed"),
    ("x-consumer-*", Operator, "Kong"),
    ("x-coyote-*", TrustedHop, "Tomcat"),
    ("x-credential-*", Operator, "Kong"),
    ("x-envoy-*", TrustedHop, "Envoy: client, retries, time limits"),
    ("x-forwarded*", TrustedHop, "reverse proxies; oauth2-proxy: user"),
    ("x-goog-authenticated-*", Operator, "Google IAP: user"),
    ("x-goog-iap-*", Operator, "Google IAP: assertion"),
    ("x-host", TrustedHop, "PHP frameworks"),
    ("x-http-*", Nobody, "method and host overrides"),
    ("x-https", TrustedHop, "Magento"),
    ("x-invoke-*", Nobody, "Next.js: internal routing"),
    ("x-lighttpd-send-file", Nobody, "lighttpd"),
    ("x-matched-path", Nobody, "Next.js: internal routing"),
    ("x-method-override", Nobody, "method override"),
    ("x-middleware-*", Nobody, "Next.js: CVE-2025-29927"),
    ("x-ms-client-principal*", Operator, "Azure App Service: user"),
    ("x-ms-token-*", Operator, "Azure App Service: tokens"),
    ("x-nf-*", TrustedHop, "Netlify: client"),
    ("x-now-route-matches", Nobody, "Next.js: internal routing"),
    ("x-original-*", Nobody, "IIS, Symfony, ASP.NET: URL, host, client"),
    ("x-originating-ip", TrustedHop, "mail and web proxies"),
    ("x-override-url", Nobody, "IIS, Symfony: URL"),
    ("x-pomerium-*", Operator, "Pomerium"),
    ("x-proxy-*", Operator, "proxies with a login"),
    ("x-proxyuser-*", TrustedHop, "Google services: client"),
    ("x-real-*", TrustedHop, "nginx: X-Real-IP"),
    ("x-remote-*", Operator, "Kubernetes, WSGI: X-Remote-User, -Group"),
    ("x-rewrite-*", Nobody, "IIS, Symfony: URL"),
    ("x-scheme", TrustedHop, "ingress-nginx, Flask"),
    ("x-script-name", TrustedHop, "WSGI: mount point"),
    ("x-sendfile*", Nobody, "Apache, Rack::Sendfile"),
    ("x-ssl*", TrustedHop, "client certificate of a TLS terminator"),
    ("x-sucuri-*", TrustedHop, "Sucuri: client"),
    ("x-token-*", Operator, "SSO proxies"),
    ("x-true-client-ip", TrustedHop, "Akamai, Cloudflare"),
    ("x-url-scheme", TrustedHop, "WSGI"),
    ("x-user*", Operator, "Java application servers, OpenID Connect plug-ins"),
    ("x-vercel-*", TrustedHop, "Vercel: client"),
    ("x-vouch-*", Operator, "Vouch Proxy"),
    ("x-webauth-*", Operator, "Grafana"),
    ("x-wsgi-*", Nobody, "WSGI"),
];

/// Returns the clients from which an app may get a header of this name, or none for a name without a rule.
pub(crate) fn giver(name: &str) -> Option<Giver> {
    let rule = rule(name);
    let beyond_the_rule = match rule {
        Some((pattern, _)) => &name[stem(pattern).len()..],
        None => name,
    };
    // CGI, WSGI and PHP make one variable of `x_a`, `x.a` and `x-a`, so the first two could pose as the third.
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !beyond_the_rule.bytes().all(is_plain) {
        return Some(Nobody);
    }
    rule.map(|(_, giver)| giver)
}

/// The pattern that a name matches, and whom it names.
fn rule(name: &str) -> Option<(&'static str, Giver)> {
    let prefix = prefix(name);
    let mut after = PREFIXES.partition_point(|own| *own <= prefix);
    while after > 0 && stem(RULES[after - 1].0) > name {
        after -= 1;
    }
    let (pattern, giver, _) = RULES.get(after.checked_sub(1)?)?;
    let matches = match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => name == *pattern,
    };
    matches.then_some((*pattern, *giver))
}

/// The first eight bytes of each rule's name as numbers, in the order of `RULES`. Numbers compare faster than texts, and few
/// names share a prefix.
const PREFIXES: [u64; RULES.len()] = {
    let mut prefixes = [0; RULES.len()];
    let mut index = 0;
    while index < RULES.len() {
        prefixes[index] = prefix(stem(RULES[index].0));
        index += 1;
    }
    prefixes
};

/// Returns the first eight bytes of a name as a number that sorts as the bytes do.
const fn prefix(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut first = [0; 8];
    let mut index = 0;
    while index < bytes.len() && index < first.len() {
        first[index] = bytes[index];
        index += 1;
    }
    u64::from_be_bytes(first)
}

const fn stem(pattern: &str) -> &str {
    match pattern.as_bytes() {
        [_, .., b'*'] => pattern.split_at(pattern.len() - 1).0,
        _ => pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_search_finds_each_rule() {
        for pair in RULES.windows(2) {
            let [(first, ..), (second, ..)] = pair else {
                unreachable!()
            };
            assert!(stem(first) < stem(second), "{first} {second}");
            let covers = first.ends_with('*') && second.starts_with(stem(first));
            assert!(!covers, "{first} {second}");
        }
        for (pattern, rule, source) in RULES {
            assert_eq!(giver(stem(pattern)), Some(rule), "{pattern}");
            let longer = format!("{}a-b", stem(pattern));
            let expected = pattern.ends_with('*').then_some(rule);
            assert_eq!(giver(&longer), expected, "{longer}");
            assert!(!source.is_empty());
        }
        for name in [
            "accept",
            "content-type",
            "user-agent",
            "x-cartfunnel-hmac-sha256",
            "x-own",
            "zzz",
            "a",
        ] {
            assert_eq!(giver(name), None, "{name}");
        }
        for name in [
            "x_own",
            "x.real.ip",
            "x!forwarded!for",
            "x-forwarded.for",
            "$x",
            "$ws.x",
        ] {
            assert_eq!(giver(name), Some(Nobody), "{name}");
        }
    }

    #[test]
    fn the_search_finds_what_a_look_at_each_rule_finds() {
        let matches = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => name == pattern,
        };
        let by_look = |name: &str| {
            let found = RULES.iter().find(|(pattern, ..)| matches(pattern, name));
            found.map(|(pattern, ..)| *pattern)
        };
        for (pattern, ..) in RULES {
            let stem = stem(pattern);
            let shorter = &stem[..stem.len() - 1];
            for end in ["", "!", "0", "-", "a", "m", "z", "~"] {
                for name in [format!("{stem}{end}"), format!("{shorter}{end}")] {
                    let found = rule(&name).map(|(pattern, _)| pattern);
                    assert_eq!(found, by_look(&name), "{name}");
                }
            }
        }
    }
}
