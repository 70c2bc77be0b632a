//! The rules for headers that an app, a framework or a proxy may act on. Only the body of a
//! delivery is signed, so a header is at best a claim of the client.

/// The rule for a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderRule {
    /// No request may bring it; some the gate writes itself.
    Dropped,
    /// Only the operator may set it, for an endpoint or a destination. A webhook has no user, so no
    /// proxy can vouch for one.
    FromOperator,
    /// Only a trusted hop may set it.
    FromTrustedHop,
}

use HeaderRule::{Dropped, FromOperator, FromTrustedHop};

/// The names in the order of their bytes, each with its rule and its source. A star stands for any
/// rest. No name begins with another one that has a star, so one search finds either.
#[rustfmt::skip]
const RULES: [(&str, HeaderRule, &str); 90] = [
    ("$ws*", FromTrustedHop, "WebSphere plug-in"),
    ("ali-cdn-real-ip", FromTrustedHop, "Alibaba CDN"),
    ("cdn-src-ip", FromTrustedHop, "CDNs"),
    ("cf-*", FromTrustedHop, "Cloudflare: client, scheme, Access identity"),
    ("client-cert*", FromTrustedHop, "RFC 9440"),
    ("client-ip", FromTrustedHop, "PHP frameworks, Rails"),
    ("cloudfront-*", FromTrustedHop, "CloudFront: client, scheme"),
    ("connection", Dropped, "RFC 9110, hop by hop"),
    ("content-length", Dropped, "framing is rebuilt"),
    ("cookie", Dropped, "a webhook has no session"),
    ("do-connecting-ip", FromTrustedHop, "DigitalOcean"),
    ("expect", Dropped, "RFC 9110, the gate responds itself"),
    ("fastly-*", FromTrustedHop, "Fastly: client, scheme"),
    ("fly-*", FromTrustedHop, "Fly.io: client, scheme"),
    ("forwarded*", FromTrustedHop, "RFC 7239"),
    ("front-end-https", FromTrustedHop, "Microsoft ISA, Laravel"),
    ("host", Dropped, "the destination's own"),
    ("http-client-ip", FromTrustedHop, "CGI spelling"),
    ("http2-settings", Dropped, "RFC 7540, upgrade"),
    ("incap-client-ip", FromTrustedHop, "Imperva"),
    ("keep-alive", Dropped, "RFC 9110, hop by hop"),
    ("oidc-*", FromOperator, "mod_auth_openidc"),
    ("proxy", Dropped, "httpoxy: HTTP_PROXY"),
    ("proxy-*", Dropped, "RFC 9110, between a client and its proxy"),
    ("remote-*", FromOperator, "CGI, Authelia: Remote-User"),
    ("script-name", FromTrustedHop, "CGI, WSGI"),
    ("ssl-*", FromTrustedHop, "client certificate of a TLS terminator"),
    ("tailscale-*", FromOperator, "Tailscale Serve: user"),
    ("te", Dropped, "RFC 9110, hop by hop"),
    ("trailer", Dropped, "RFC 9110, trailers are dropped"),
    ("transfer-encoding", Dropped, "framing is rebuilt"),
    ("true-client-ip", FromTrustedHop, "Akamai, Cloudflare"),
    ("upgrade", Dropped, "RFC 9110, hop by hop"),
    ("webhook-*", Dropped, "Standard Webhooks"),
    ("wl-proxy-*", FromTrustedHop, "WebLogic plug-in"),
    ("x-accel-*", Dropped, "nginx, Rack::Sendfile"),
    ("x-amzn-mtls-*", FromTrustedHop, "AWS load balancer: client certificate"),
    ("x-amzn-oidc-*", FromOperator, "AWS load balancer: user"),
    ("x-anonymous-consumer", FromOperator, "Kong"),
    ("x-appengine-*", FromTrustedHop, "App Engine: client, caller"),
    ("x-arr-*", FromTrustedHop, "IIS request routing: certificate, scheme"),
    ("x-auth-*", FromOperator, "oauth2-proxy, SSO proxies: user"),
    ("x-authenticated-*", FromOperator, "Kong, Traefik: user"),
    ("x-authentik-*", FromOperator, "authentik"),
    ("x-azure-*", FromTrustedHop, "Azure Front Door: client"),
    ("x-cartgate-*", Dropped, "the gate's own"),
    ("x-cdn-src-ip", FromTrustedHop, "CDNs"),
    ("x-client-*", FromTrustedHop, "Apache, Azure: client; client certificate of a TLS terminator"),
    ("x-cluster-client-ip", FromTrustedHop, "Rackspace, Riverbed"),
    ("x-consumer-*", FromOperator, "Kong"),
    ("x-coyote-*", FromTrustedHop, "Tomcat"),
    ("x-credential-*", FromOperator, "Kong"),
    ("x-envoy-*", FromTrustedHop, "Envoy: client, retries, time limits"),
    ("x-forwarded*", FromTrustedHop, "reverse proxies; oauth2-proxy: user"),
    ("x-goog-authenticated-*", FromOperator, "Google IAP: user"),
    ("x-goog-iap-*", FromOperator, "Google IAP: assertion"),
    ("x-host", FromTrustedHop, "PHP frameworks"),
    ("x-http-*", Dropped, "method and host overrides"),
    ("x-https", FromTrustedHop, "Magento"),
    ("x-invoke-*", Dropped, "Next.js: internal routing"),
    ("x-lighttpd-send-file", Dropped, "lighttpd"),
    ("x-matched-path", Dropped, "Next.js: internal routing"),
    ("x-method-override", Dropped, "method override"),
    ("x-middleware-*", Dropped, "Next.js: CVE-2025-29927"),
    ("x-ms-client-principal*", FromOperator, "Azure App Service: user"),
    ("x-ms-token-*", FromOperator, "Azure App Service: tokens"),
    ("x-nf-*", FromTrustedHop, "Netlify: client"),
    ("x-now-route-matches", Dropped, "Next.js: internal routing"),
    ("x-original-*", Dropped, "IIS, Symfony, ASP.NET: URL, host, client"),
    ("x-originating-ip", FromTrustedHop, "mail and web proxies"),
    ("x-override-url", Dropped, "IIS, Symfony: URL"),
    ("x-pomerium-*", FromOperator, "Pomerium"),
    ("x-proxy-*", FromOperator, "proxies with a login"),
    ("x-proxyuser-*", FromTrustedHop, "Google services: client"),
    ("x-real-*", FromTrustedHop, "nginx: X-Real-IP"),
    ("x-remote-*", FromOperator, "Kubernetes, WSGI: X-Remote-User, -Group"),
    ("x-rewrite-*", Dropped, "IIS, Symfony: URL"),
    ("x-scheme", FromTrustedHop, "ingress-nginx, Flask"),
    ("x-script-name", FromTrustedHop, "WSGI: mount point"),
    ("x-sendfile*", Dropped, "Apache, Rack::Sendfile"),
    ("x-ssl*", FromTrustedHop, "client certificate of a TLS terminator"),
    ("x-sucuri-*", FromTrustedHop, "Sucuri: client"),
    ("x-token-*", FromOperator, "SSO proxies"),
    ("x-true-client-ip", FromTrustedHop, "Akamai, Cloudflare"),
    ("x-url-scheme", FromTrustedHop, "WSGI"),
    ("x-user*", FromOperator, "Java application servers, OpenID Connect plug-ins"),
    ("x-vercel-*", FromTrustedHop, "Vercel: client"),
    ("x-vouch-*", FromOperator, "Vouch Proxy"),
    ("x-webauth-*", FromOperator, "Grafana"),
    ("x-wsgi-*", Dropped, "WSGI"),
];

/// Returns the rule for a header, if there is one.
pub(super) fn rule(name: &str) -> Option<HeaderRule> {
    let found = find(name);
    let rest = match found {
        Some((pattern, _)) => &name[stem(pattern).len()..],
        None => name,
    };
    // CGI, WSGI and PHP make one variable of `x_a`, `x.a` and `x-a`, so the first two could pose as
    // the third.
    if !is_plain(rest) {
        return Some(Dropped);
    }
    found.map(|(_, rule)| rule)
}

/// Returns whether a text consists of lowercase letters, digits and hyphens.
fn is_plain(text: &str) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0;
        while byte < plain.len() {
            plain[byte] = matches!(byte as u8, b'a'..=b'z' | b'0'..=b'9' | b'-');
            byte += 1;
        }
        plain
    };
    // A loop without a branch is faster than one that ends early, because nearly all are plain.
    let and = |plain, byte| plain & PLAIN[usize::from(byte)];
    text.bytes().fold(true, and)
}

/// Finds the pattern that a name matches, with its rule.
fn find(name: &str) -> Option<(&'static str, HeaderRule)> {
    let prefix = prefix(name);
    let first = usize::from(*name.as_bytes().first()?);
    let (begin, end) = (PLACES[first], PLACES[first + 1]);
    let same_first = &PREFIXES[begin..end];
    let mut after = begin + same_first.partition_point(|(own, _)| *own <= prefix);
    while after > begin && PREFIXES[after - 1].0 == prefix && stem(RULES[after - 1].0) > name {
        after -= 1;
    }
    if after == begin {
        return None;
    }
    let (own, mask) = PREFIXES[after - 1];
    if own != prefix & mask {
        return None;
    }
    let (pattern, rule, _) = RULES[after - 1];
    let matches = match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => name == pattern,
    };
    matches.then_some((pattern, rule))
}

/// The first eight bytes of each name as a number, in the order of `RULES`, and the bits that these
/// bytes take. Numbers compare faster than texts, and few names share a prefix.
const PREFIXES: [(u64, u64); RULES.len()] = {
    let mut prefixes = [(0, 0); RULES.len()];
    let mut index = 0;
    while index < RULES.len() {
        let stem = stem(RULES[index].0);
        let mask = match stem.len() {
            length @ 0..8 => !(u64::MAX >> (8 * length)),
            _ => u64::MAX,
        };
        prefixes[index] = (prefix(stem), mask);
        index += 1;
    }
    prefixes
};

/// The index of the first rule whose name begins with each byte or a later one. Most names begin
/// with a byte of few rules.
const PLACES: [usize; 257] = {
    let mut places = [RULES.len(); 257];
    let mut index = RULES.len();
    let mut byte = places.len() - 1;
    while byte > 0 {
        byte -= 1;
        while index > 0 && RULES[index - 1].0.as_bytes()[0] as usize >= byte {
            index -= 1;
        }
        places[byte] = index;
    }
    places
};

/// Returns the first eight bytes of a name as a number that sorts as the bytes do.
const fn prefix(name: &str) -> u64 {
    let bytes = name.as_bytes();
    if let Some(first) = bytes.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    let mut index = 0;
    while index < bytes.len() {
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
        for (pattern, own, source) in RULES {
            assert_eq!(rule(stem(pattern)), Some(own), "{pattern}");
            let longer = format!("{}a-b", stem(pattern));
            let expected = pattern.ends_with('*').then_some(own);
            assert_eq!(rule(&longer), expected, "{longer}");
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
            assert_eq!(rule(name), None, "{name}");
        }
        for name in [
            "x_own",
            "x.real.ip",
            "x!forwarded!for",
            "x-forwarded.for",
            "$x",
            "$ws.x",
        ] {
            assert_eq!(rule(name), Some(Dropped), "{name}");
        }
    }

    #[test]
    fn the_search_finds_what_a_look_at_each_rule_finds() {
        let matches = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => name == pattern,
        };
        let by_scan = |name: &str| {
            let found = RULES.iter().find(|(pattern, ..)| matches(pattern, name));
            found.map(|(pattern, ..)| *pattern)
        };
        for (pattern, ..) in RULES {
            let stem = stem(pattern);
            let shorter = &stem[..stem.len() - 1];
            for end in ["", "!", "0", "-", "a", "m", "z", "~"] {
                for name in [format!("{stem}{end}"), format!("{shorter}{end}")] {
                    let found = find(&name).map(|(pattern, _)| pattern);
                    assert_eq!(found, by_scan(&name), "{name}");
                }
            }
        }
    }
}
