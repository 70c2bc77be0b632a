//! The profile as the API shows it.

use super::*;
use cartgate::config::Plan;

#[test]
fn a_profile_is_learned_from_verified_deliveries_alone() {
    let app = App::content();
    let gate = setup(&app).start();
    let watched = Watched::gate(&gate);
    let before = watched.deliveries();
    // Forgeries of the same payloads do not count.
    for index in 0..20 {
        let body = order(index).to_string();
        let forged = crate::support::forged(body.as_bytes());
        assert_eq!(watched.client().ask(forged).status, 401);
    }
    watched.learn((0..52).map(order));
    let profile = watched.profile();
    assert_eq!(profile["deliveries"], before + 52);
    assert_eq!(profile["content_types"][0]["name"], "application/json");
    assert_eq!(profile["methods"][0]["name"], "POST");
    let found = pointers(&profile);
    for pointer in [
        "/event",
        "/order/id",
        "/order/items/*/sku",
        "/order/customer/email",
        "/order/by_mail/*",
    ] {
        assert!(found.contains(&pointer), "{pointer}: {found:?}");
    }
    let headers = profile["headers"].to_string();
    assert!(headers.contains("x-shop"), "{headers}");
    has_no_value(&profile.to_string());
}

#[test]
fn a_retry_is_no_new_body() {
    let app = App::content();
    let gate = setup(&app).start();
    let watched = Watched::gate(&gate);
    let bodies = watched.profile()["bodies"].as_u64().expect("a number");
    let same = order(1);
    watched.learn([same.clone(), same.clone(), same]);
    let profile = watched.profile();
    assert_eq!(profile["bodies"], bodies + 1);
    assert_eq!(profile["repeats"]["most"], 3);
    assert_eq!(profile["repeats"]["spacing"][1]["repeat"], 2);
}

#[test]
fn the_suggested_settings_are_accepted() {
    let (app, dir) = (App::content(), tempfile::tempdir().expect("a directory"));
    let durable = Setup::durable(&app, dir.path()).with(|setup| {
        setup.path = "/hooks".parse().expect("a path");
        setup.admin = Some("127.0.0.1:0".parse().expect("an address"));
    });
    let gate = durable.start();
    let watched = Watched::gate(&gate);
    watched.learn((0..55).map(order));
    let profile = watched.profile();
    let suggestions = &profile["suggestions"];
    // The first body was no JSON, so nothing always occurs yet in all bodies; it is in 50 in a row.
    assert_eq!(suggestions["event"]["pointer"], "/event", "{suggestions}");
    assert_eq!(suggestions["unique"]["pointer"], "/order/id");
    assert_eq!(suggestions["fresh"]["pointer"], "/sent_at");
    let toml = profile["toml"].as_str().expect("text");
    for key in ["\nevent = ", "\nunique = ", "\nfresh = "] {
        assert!(toml.contains(key), "{key} in {toml}");
    }
    has_no_value(toml);
    let file = format!(
        r#"
[server]
listen = "127.0.0.1:0"
[inbox]
store = "sqlite:inbox.db"
[secret.current]
file = "secret"
[[endpoint]]
name = "orders"
path = "/hooks"
secrets = ["current"]
durable = true
{toml}
[[endpoint.destination]]
name = "shop"
url = "http://127.0.0.1:1"
"#
    );
    Plan::from_text(&file).expect("usable");
}

#[test]
fn hostile_payloads_break_nothing() {
    let app = App::content();
    let gate = setup(&app).start();
    let watched = Watched::gate(&gate);
    let before = watched.deliveries();
    let keys: Vec<_> = (0..20_000)
        .map(|key| format!("\"k{key}x\":{key}"))
        .collect();
    let bodies: Vec<Vec<u8>> = vec![
        "[".repeat(100_000).into_bytes(),
        ("[".repeat(100_000) + &"]".repeat(100_000)).into_bytes(),
        format!("{{{}}}", keys.join(",")).into_bytes(),
        format!(r#"{{"a":"{}"}}"#, "x".repeat(400_000)).into_bytes(),
        br#"{"a":1,"a":2}"#.to_vec(),
        b"{\"a\":\"\xff\xfe\"}".to_vec(),
        br#"{"a":"\ud800"}"#.to_vec(),
        br#"{"<script>alert(1)</script>":1,"\u001b[2J":1,"\u202e":1}"#.to_vec(),
        vec![b' '; 700_000],
        Vec::new(),
    ];
    let mut client = watched.client();
    for body in &bodies {
        let delivery = request("POST /hooks HTTP/1.1", &signature_line(body), body);
        assert_eq!(client.ask(delivery).status, 200);
    }
    wait_until("it has learned all", || {
        watched.deliveries() == before + bodies.len() as u64
    });
    let profile = watched.profile();
    assert_eq!(profile["too_large"], 1);
    assert!(profile["pointers"].as_array().expect("a list").len() <= 512);
    assert_eq!(client.ask(delivery(&order(1))).status, 200);
}

#[test]
fn only_an_operator_sees_and_accepts_it() {
    let app = App::content();
    let gate = setup(&app).start();
    let watched = Watched::gate(&gate);
    for first_line in ["GET /api/v1/profile", "POST /api/v1/profile/hooks/accept"] {
        assert_eq!(api(watched.admin, first_line, "").0, 401);
    }
    let (status, body) = watched.api("POST /api/v1/profile/nobody/accept");
    assert_eq!(status, 404);
    assert!(body.contains("unknown-endpoint"), "{body}");
    let (status, body) = watched.api("POST /api/v1/profile/hooks/accept");
    assert_eq!(status, 200);
    assert!(body.contains("\"endpoint\":\"hooks\""), "{body}");
}
