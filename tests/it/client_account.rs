//! The account of the client that an app gets. A trusted hop or the gate gives it, and nobody else.

use crate::{
    program::Program,
    support::{App, BODY, Client, Recorded, request, signature_line},
};

/// The headers of a trusted hop, and the account that the app gets: `X-Forwarded-For`, `-Proto`,
/// `-Host`, `X-Real-IP` and `Forwarded`.
struct Case {
    told: &'static str,
    addresses: Option<&'static str>,
    proto: &'static str,
    host: &'static str,
    real_ip: Option<&'static str>,
    forwarded: &'static str,
}

#[rustfmt::skip]
const CASES: [Case; 17] = [
    Case {
        told: "",
        addresses: None, proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=unknown;host=\"gate.example\";proto=http",
    },
    Case {
        told: "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n",
        addresses: Some("203.0.113.7"), proto: "https", host: "shop.example", real_ip: None,
        forwarded: "for=203.0.113.7;host=\"shop.example\";proto=https",
    },
    Case {
        told: "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.0.0.1,2001:db8::1\r\nX-Forwarded-Proto: HTTPS\r\n",
        addresses: Some("203.0.113.7, 10.0.0.1, 2001:db8::1"), proto: "https", host: "gate.example", real_ip: None,
        forwarded: "for=203.0.113.7;host=\"gate.example\";proto=https, for=10.0.0.1, \
                    for=\"[2001:db8::1]\";host=\"gate.example\";proto=https",
    },
    // The client's own `Forwarded`, which most proxies pass on.
    Case {
        told: "Forwarded: for=127.0.0.1;proto=http;host=evil.example\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n",
        addresses: Some("203.0.113.7"), proto: "https", host: "gate.example", real_ip: None,
        forwarded: "for=203.0.113.7;host=\"gate.example\";proto=https",
    },
    Case {
        told: "Forwarded: For=\"[2001:db8::1]:4711\"; Proto=https;host=\"shop.example\", for=10.0.0.1:80\r\n",
        addresses: Some("2001:db8::1, 10.0.0.1"), proto: "https", host: "shop.example", real_ip: None,
        forwarded: "for=\"[2001:db8::1]\";host=\"shop.example\";proto=https, \
                    for=10.0.0.1;host=\"shop.example\";proto=https",
    },
    // The client left a quote open, so that the element of the hop is inside the client's.
    Case {
        told: "Forwarded: for=\"6.6.6.6, for=203.0.113.9;proto=https\r\n",
        addresses: None, proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=unknown;host=\"gate.example\";proto=http",
    },
    Case {
        told: "Forwarded: for=\"6.6.6.6\\\", for=203.0.113.9;host=\"shop.example\"\r\n",
        addresses: None, proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=unknown;host=\"gate.example\";proto=http",
    },
    // The line of the client does not hide a whole line of the hop.
    Case {
        told: "Forwarded: for=\"6.6.6.6\r\nForwarded: for=203.0.113.9;proto=https\r\n",
        addresses: Some("203.0.113.9"), proto: "https", host: "gate.example", real_ip: None,
        forwarded: "for=203.0.113.9;host=\"gate.example\";proto=https",
    },
    Case {
        told: "Forwarded: for=\"[6.6.6.6, 7.7.7.7]\";x=\"a\\\",b\", for=\"203.0.113.9:_port\"\r\n",
        addresses: Some("unknown, 203.0.113.9"), proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=unknown;host=\"gate.example\";proto=http, for=203.0.113.9;host=\"gate.example\";proto=http",
    },
    Case {
        told: "X-Real-IP: 203.0.113.7\r\n",
        addresses: Some("203.0.113.7"), proto: "http", host: "gate.example", real_ip: Some("203.0.113.7"),
        forwarded: "for=203.0.113.7;host=\"gate.example\";proto=http",
    },
    // The client's own `X-Real-IP`, passed on by a hop that writes only the list.
    Case {
        told: "X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 6.6.6.6\r\n",
        addresses: Some("203.0.113.9"), proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=203.0.113.9;host=\"gate.example\";proto=http",
    },
    Case {
        told: "X-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n",
        addresses: Some("6.6.6.6, 203.0.113.9"), proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=6.6.6.6;host=\"gate.example\";proto=http, for=203.0.113.9;host=\"gate.example\";proto=http",
    },
    Case {
        told: "X-Forwarded-For:\r\nX-Real-IP: 6.6.6.6\r\n",
        addresses: None, proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=unknown;host=\"gate.example\";proto=http",
    },
    Case {
        told: "X-Real-IP: localhost\r\n",
        addresses: None, proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=unknown;host=\"gate.example\";proto=http",
    },
    // The hop wrote both.
    Case {
        told: "X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\nX-Real-IP: 203.0.113.7\r\n",
        addresses: Some("198.51.100.1, 203.0.113.7"), proto: "http", host: "gate.example", real_ip: Some("203.0.113.7"),
        forwarded: "for=198.51.100.1;host=\"gate.example\";proto=http, for=203.0.113.7;host=\"gate.example\";proto=http",
    },
    Case {
        told: "X-Forwarded-Proto: http, https\r\nX-Forwarded-Host: a.example, b.example:8443\r\n",
        addresses: None, proto: "https", host: "b.example:8443", real_ip: None,
        forwarded: "for=unknown;host=\"b.example:8443\";proto=https",
    },
    Case {
        told: "X-Forwarded-For: odd;\"x\r\nX-Forwarded-Proto: javascript\r\nX-Forwarded-Host: evil\"/x\r\n",
        addresses: Some("odd;\"x"), proto: "http", host: "gate.example", real_ip: None,
        forwarded: "for=unknown;host=\"gate.example\";proto=http",
    },
];

fn came(app: &App, client: &mut Client, lines: &str) -> Recorded {
    let lines = signature_line(BODY) + lines;
    let answer = client.ask(request("POST /hooks HTTP/1.1", &lines, BODY));
    assert_eq!(answer.status, 200, "{lines}");
    app.requests().pop().expect("it came")
}

#[test]
fn a_trusted_hop_on_a_unix_socket_tells_of_the_client_and_the_account_is_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gate.sock");
    let listen = format!("unix:{}", path.display());
    let app = App::content();
    let args = ["--listen", &listen, "--trusted-proxy", "unix"];
    let _gate = Program::serve(&app, &args);
    let mut client = Client::unix(&path);
    for case in CASES {
        let request = came(&app, &mut client, case.told);
        for (name, value) in [
            ("x-forwarded-for", case.addresses),
            ("x-forwarded-proto", Some(case.proto)),
            ("x-forwarded-host", Some(case.host)),
            ("forwarded", Some(case.forwarded)),
            ("x-real-ip", case.real_ip),
        ] {
            assert_eq!(request.header(name), value, "{name} of {}", case.told);
        }
    }
}

#[test]
fn a_trusted_hop_over_tcp_is_part_of_the_account() {
    let app = App::content();
    let gate = Program::serve(&app, &["--trusted-proxy", "127.0.0.1"]);
    for (told, addresses, forwarded) in [
        (
            "Forwarded: for=203.0.113.7;proto=https\r\n",
            "203.0.113.7, 127.0.0.1",
            "for=203.0.113.7;host=\"gate.example\";proto=https, for=127.0.0.1;host=\"gate.example\";proto=https",
        ),
        (
            "Forwarded: for=\"6.6.6.6, for=203.0.113.7\r\nX-Forwarded-Proto: https\r\n",
            "127.0.0.1",
            "for=127.0.0.1;host=\"gate.example\";proto=https",
        ),
        (
            "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n",
            "203.0.113.7, 127.0.0.1",
            "for=203.0.113.7;host=\"gate.example\";proto=https, for=127.0.0.1;host=\"gate.example\";proto=https",
        ),
        (
            "X-Real-IP: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n",
            "127.0.0.1",
            "for=127.0.0.1;host=\"gate.example\";proto=https",
        ),
    ] {
        let request = came(&app, &mut gate.client(), told);
        assert_eq!(request.header("x-forwarded-for"), Some(addresses));
        assert_eq!(request.header("x-forwarded-proto"), Some("https"));
        assert_eq!(request.header("forwarded"), Some(forwarded));
    }
}

/// Headers with which a framework, a proxy or an app would take an attacker for another client.
#[rustfmt::skip]
const TRUSTED: [&str; 83] = [
    "Client-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Visitor", "CF-IPCountry",
    "X-Client-IP", "X-Cluster-Client-IP", "Fastly-Client-IP", "Fastly-SSL", "Fly-Client-IP", "X-Host", "X-Url-Scheme",
    "X-Scheme", "Front-End-Https", "X-Script-Name", "Script-Name", "Remote-User", "Remote-Addr", "X-Remote-User",
    "X-Remote-Group", "X-Remote-Extra-Scopes", "X-Authenticated-User", "X-WEBAUTH-USER", "X-MS-Client-Principal",
    "X-MS-Client-Principal-Name", "X-MS-Client-Principal-Id", "X-MS-Token-AAD-Id-Token", "X-Sendfile",
    "X-Sendfile-Type", "X-Accel-Redirect", "X-Accel-Mapping", "X-Accel-Buffering", "X-Envoy-External-Address",
    "X-Envoy-Original-Path", "X-Envoy-Max-Retries", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Port",
    "X-Forwarded-User", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Server", "X-Forwarded-Prefix",
    "Forwarded-For", "X-Original-For", "X-Original-Host", "X-Original-Proto", "X-Original-Forwarded-For",
    "X-Rewrite-URL", "X-Override-URL", "X-Real-IP", "X-Real-Port", "X-ProxyUser-Ip", "X-AppEngine-User-IP",
    "X-Appengine-Inbound-Appid", "X-Amzn-Oidc-Identity", "X-Amzn-Mtls-Clientcert", "X-Goog-IAP-JWT-Assertion",
    "X-Goog-Authenticated-User-Email", "Tailscale-User-Login", "SSL-Client-Cert", "X-SSL-Client-Verify",
    "X-Client-Cert", "Client-Cert", "WL-Proxy-Client-IP", "X-Azure-ClientIP", "X-ARR-SSL", "X-Middleware-Subrequest",
    "X-HTTP-Host-Override", "Proxy", "Proxy-User", "X-Auth-Request-Email", "X-Vercel-Forwarded-For",
    "X.Real.IP", "X!Forwarded!For", "X-Forwarded.For", "Remote~User", "X-Auth-User", "X-Client-DN", "X-True-Client-IP",
    "X-User", "X-User-Id",
];

#[test]
fn headers_that_frameworks_trust_come_from_no_stranger() {
    let app = App::content();
    let gate = Program::serve(&app, &[]);
    let mut client = gate.client();
    let plain = came(&app, &mut client, "X-Own: 1\r\n");
    let names = |request: &Recorded| {
        let names = request
            .headers
            .iter()
            .map(|(name, _)| name.to_ascii_lowercase());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let expected = names(&plain);
    assert!(expected.contains(&"x-own".to_owned()));
    for some in TRUSTED.chunks(40) {
        let lines: String = some
            .iter()
            .map(|name| format!("{name}: planted\r\n"))
            .collect();
        let request = came(&app, &mut client, &(lines + "X-Own: 1\r\n"));
        assert_eq!(names(&request), expected);
        let planted = request
            .headers
            .iter()
            .find(|(_, value)| value.contains("planted"));
        assert_eq!(planted, None);
    }
}

#[test]
fn a_trusted_hop_vouches_for_the_client_and_for_no_user() {
    let app = App::content();
    let gate = Program::serve(&app, &["--trusted-proxy", "127.0.0.1"]);
    let lines = "CF-Connecting-IP: 203.0.113.7\r\nX-Script-Name: /shop\r\nRemote-User: admin\r\n\
                 X-MS-Client-Principal: admin\r\nX-Accel-Redirect: /etc/passwd\r\n";
    let request = came(&app, &mut gate.client(), lines);
    assert_eq!(request.header("cf-connecting-ip"), Some("203.0.113.7"));
    assert_eq!(request.header("x-script-name"), Some("/shop"));
    for name in ["remote-user", "x-ms-client-principal", "x-accel-redirect"] {
        assert_eq!(request.header(name), None, "{name}");
    }
}

#[test]
fn bytes_that_no_target_may_hold_are_400() {
    let app = App::content();
    let gate = Program::serve(&app, &[]);
    for byte in [
        "\\", "\"", "[", "]", "^", "{", "|", "}", "<", ">", "`", "ä", "\u{7f}",
    ] {
        for target in [
            format!("/a{byte}b"),
            format!("/a?b={byte}"),
            format!("http://gate.example/{byte}"),
        ] {
            let line = format!("POST {target} HTTP/1.1");
            let mut client = gate.client();
            let answer = client.ask(request(&line, &signature_line(BODY), BODY));
            assert_eq!((answer.status, answer.closes()), (400, true), "{target}");
        }
    }
    assert_eq!(app.count(), 0);
    let target = "/aZ09-._~!$&'()*+,;=:@%7B/?aZ09-._~!$&'()*+,;=:@%7B/?";
    let line = format!("POST {target} HTTP/1.1");
    let answer = gate
        .client()
        .ask(request(&line, &signature_line(BODY), BODY));
    assert_eq!(answer.status, 200);
    assert_eq!(app.only().target, target);
}
