//! `docs/openapi.json`: it lists exactly the operations of the code, and the responses of a running
//! gate fit its schemas.

use std::{collections::BTreeSet, fs, path::Path};

use cartgate::{
    inbox::{self, settings::StoreAddress},
    net::listener::ListenAddress,
    rejected,
};
use jsonschema::Draft;
use serde_json::{Value, json};

use super::{
    Reply, ask,
    routes::{Operation, operations},
    setup,
};
use crate::support::{App, BODY, Gate, forged, genuine, request, signature_line, wait_until};

fn document() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let text = fs::read_to_string(path).expect("the document");
    serde_json::from_str(&text).expect("JSON")
}

fn described(document: &Value) -> impl Iterator<Item = (Operation, &Value)> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths.flat_map(|(path, operations)| {
        let operations = operations.as_object().expect("operations").iter();
        operations.map(|(method, described)| {
            let operation = Operation {
                method: method.to_uppercase(),
                path: path.clone(),
            };
            (operation, described)
        })
    })
}

#[test]
fn the_document_lists_the_operations_of_the_code() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let listed: BTreeSet<_> = described(&document).map(|(one, _)| one).collect();
    let code = operations();
    let missing: Vec<_> = code.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&code).collect();
    assert!(missing.is_empty(), "not in docs/openapi.json: {missing:#?}");
    assert!(stale.is_empty(), "not in the code: {stale:#?}");
    let mut ids = BTreeSet::new();
    for (operation, described) in described(&document) {
        let id = described["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{id} is there twice");
        let acts = described["x-cartgate-acts"] == true;
        assert!(acts || operation.is_safe(), "{operation:?} acts");
        let parameters = described["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let in_path = parameters.iter().filter(|one| one["in"] == "path");
        assert_eq!(
            in_path.count(),
            operation.path.matches('{').count(),
            "{operation:?}"
        );
        let has_body = described.get("requestBody").is_some();
        assert!(!has_body || operation.method == "POST", "{operation:?}");
    }
}

#[test]
fn the_router_has_the_methods_of_the_document() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let gate = everything(&app, dir.path());
    let paths: BTreeSet<_> = operations().into_iter().map(|one| one.path).collect();
    for path in paths {
        let mut expected = BTreeSet::new();
        for operation in operations().iter().filter(|one| one.path == path) {
            expected.insert(operation.method.clone());
            if operation.is_safe() {
                expected.insert("HEAD".to_owned());
            }
        }
        let operation = Operation {
            method: "OPTIONS".to_owned(),
            path: path.clone(),
        };
        let reply = send(&gate, &operation.first_line(), None);
        assert_eq!(reply.status, 405, "{path}");
        let allowed = reply.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("allow").then_some(value)
        });
        let allowed = allowed.expect("Allow").split(',').map(str::to_owned);
        assert_eq!(allowed.collect::<BTreeSet<_>>(), expected, "{path}");
    }
}

/// Starts a gate with an inbox, saved rejections and a Unix socket for its owner.
fn everything(app: &App, dir: &Path) -> Gate {
    let gate = setup(app)
        .with(|setup| {
            let store = StoreAddress::Sqlite(dir.join("inbox.db"));
            setup.config.inbox = Some(inbox::Settings::new(store));
            setup.config.rejected = Some(rejected::Settings::new(dir.join("rejected")));
            setup.kept_for = vec!["shop"];
            setup.admin = Some(ListenAddress::Unix(dir.join("admin.sock")));
        })
        .start();
    // From here on, the gate records requests.
    assert_eq!(send(&gate, "GET /api/v1/deliveries", None).status, 200);
    assert_eq!(gate.client().ask(genuine(BODY)).status, 200);
    assert_eq!(gate.client().ask(forged(BODY)).status, 401);
    let kept = request("POST /kept HTTP/1.1", &signature_line(BODY), BODY);
    assert_eq!(gate.client().ask(kept).status, 200);
    gate
}

fn send(gate: &Gate, first_line: &str, body: Option<&Value>) -> Reply {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let lines = format!(
        "Host: cartgate\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    ask(gate.admin(), first_line, &lines)
}

/// Checks responses, and notes the operations that succeeded.
struct Checker<'g> {
    gate: &'g Gate,
    document: Value,
    /// The schemas, of which each rejects fields that it does not list.
    components: Value,
    succeeded: BTreeSet<Operation>,
}

impl<'g> Checker<'g> {
    fn new(gate: &'g Gate) -> Self {
        let document = document();
        let mut components = document["components"].clone();
        closed(&mut components["schemas"]);
        Self {
            gate,
            document,
            components,
            succeeded: BTreeSet::new(),
        }
    }

    /// Sends a request with this id in the place of the path's parameter; returns the body.
    fn check(&mut self, method: &str, path: &str, id: &str, body: Option<&Value>) -> Value {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let place = format!("{method} {path} {id}");
        let segments = path.split('/').map(|segment| match segment {
            one if one.starts_with('{') => id,
            other => other,
        });
        let target = format!("{}?{query}", segments.collect::<Vec<_>>().join("/"));
        let reply = send(
            self.gate,
            &format!("{method} {}", target.trim_end_matches('?')),
            body,
        );
        let described = &self.document["paths"][path][method.to_lowercase()];
        if let Some(body) = body {
            let schema = &described["requestBody"]["content"]["application/json"]["schema"];
            self.fits(schema, body, &place);
        }
        let responses = &described["responses"];
        let response = responses.get(reply.status.to_string());
        let response = response.unwrap_or(&responses["default"]);
        let response = match response["$ref"].as_str() {
            Some(target) => self.document.pointer(&target[1..]).expect("a response"),
            None => response,
        };
        let media_type = reply.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let is_type = name.eq_ignore_ascii_case("content-type");
            is_type.then(|| value.split(';').next().unwrap_or(value))
        });
        let media_type = media_type.expect("a media type");
        let content = response["content"].get(media_type);
        let content = content.unwrap_or_else(|| panic!("{place}: {} {media_type}", reply.status));
        let is_json = media_type.ends_with("json");
        let body = is_json.then(|| serde_json::from_str(&reply.body).expect("JSON"));
        if let Some(body) = &body {
            self.fits(&content["schema"], body, &place);
        }
        if reply.status < 300 {
            self.succeeded.insert(Operation {
                method: method.to_owned(),
                path: path.to_owned(),
            });
        }
        body.unwrap_or_default()
    }

    fn fits(&self, schema: &Value, body: &Value, place: &str) {
        let mut schema = schema.clone();
        assert!(schema["$ref"].is_string(), "{place}: {schema}");
        schema["components"] = self.components.clone();
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&schema)
            .expect("a schema");
        let mistakes: Vec<_> = validator
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(mistakes.is_empty(), "{place}: {mistakes:#?}\n{body:#}");
    }
}

/// Makes every object of a schema reject fields that it does not list.
fn closed(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.values_mut().for_each(closed);
            if fields.contains_key("properties") && fields.get("type") == Some(&json!("object")) {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(closed),
        _ => {}
    }
}

#[test]
fn the_responses_of_a_gate_fit_the_document() {
    let app = App::content();
    let dir = tempfile::tempdir().expect("a directory");
    let gate = everything(&app, dir.path());
    let mut checker = Checker::new(&gate);
    let unknown = "01900000-0000-7000-8000-000000000000";
    for (operation, described) in described(&document()) {
        let (method, path) = (operation.method.as_str(), operation.path.as_str());
        // The stream does not end, and a reload needs a program that reads its file again.
        if path == "/api/v1/events" || described.get("requestBody").is_some() {
            continue;
        }
        checker.check(method, path, unknown, None);
    }
    let id = |value: &Value| value.as_str().expect("an id").to_owned();
    let rows = checker.check("GET", "/api/v1/deliveries?limit=1000", "", None);
    let rows = rows["items"].as_array().expect("rows").clone();
    assert_eq!(rows.len(), 3);
    for row in &rows {
        checker.check("GET", "/api/v1/deliveries/{id}", &id(&row["id"]), None);
    }
    let stored = rows.iter().find(|row| row["verdict"] == "stored");
    let stored = id(&stored.expect("a stored one")["id"]);
    for path in [
        "/api/v1/deliveries/{id}/curl",
        "/api/v1/inbox/events/{id}",
        "/api/v1/inbox/events/{id}/body",
    ] {
        checker.check("GET", path, &stored, None);
    }
    let rejections = || send(&gate, "GET /api/v1/rejected", None).body;
    wait_until("it is saved", || rejections().contains("mismatch"));
    let saved = checker.check("GET", "/api/v1/rejected", "", None);
    let saved = id(&saved["items"][0]["id"]);
    for (method, path) in [
        ("GET", "/api/v1/rejected/{id}"),
        ("GET", "/api/v1/rejected/{id}/body"),
        ("POST", "/api/v1/rejected/{id}/recheck"),
        ("POST", "/api/v1/rejected/{id}/forward"),
    ] {
        checker.check(method, path, &saved, None);
    }
    let again = json!({"again": true});
    checker.check(
        "POST",
        "/api/v1/rejected/{id}/forward",
        &saved,
        Some(&again),
    );
    let listed = checker.check(
        "GET",
        "/api/v1/inbox/deliveries?state=pending&limit=1",
        "",
        None,
    );
    assert_eq!(listed["items"][0]["id"], stored);
    let job = json!({"action": "retry", "selection": {"ids": [stored]}, "rate": 1.5});
    let job = checker.check("POST", "/api/v1/inbox/jobs", "", Some(&job));
    assert_eq!(
        (&job["state"], &job["count"]),
        (&"counted".into(), &1.into())
    );
    let job = id(&job["id"]);
    for (method, path) in [
        ("GET", "/api/v1/inbox/jobs"),
        ("POST", "/api/v1/inbox/jobs/{id}/start"),
        ("GET", "/api/v1/inbox/jobs/{id}"),
        ("DELETE", "/api/v1/inbox/jobs/{id}"),
    ] {
        checker.check(method, path, &job, None);
    }
    let everything = json!({"action": "purge"});
    let refused = checker.check("POST", "/api/v1/inbox/jobs", "", Some(&everything));
    assert!(refused["reason"].is_string());
    let file = dir.path().join("copy.db");
    let file = json!({"file": file.to_str().expect("text")});
    checker.check("POST", "/api/v1/inbox/backups", "", Some(&file));
    for test in [
        json!({"endpoint": "hooks", "sample": "order"}),
        json!({"endpoint": "hooks", "body": "{}", "method": "PUT", "forgery": "unsigned"}),
        json!({"endpoint": "nowhere", "sample": null}),
    ] {
        checker.check("POST", "/api/v1/test", "", Some(&test));
    }
    checker.check("POST", "/api/v1/profile/{endpoint}/accept", "hooks", None);
    let untried: Vec<_> = operations()
        .difference(&checker.succeeded)
        .cloned()
        .collect();
    // Neither ends well here: see above, and the forgery still is one.
    let expected = [
        "/api/v1/events",
        "/api/v1/rejected/{id}/forward",
        "/api/v1/reload",
    ];
    let untried: Vec<_> = untried.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(untried, expected);
}
