//! The alarm: a pointer that always occurred is missing.

use super::*;

/// Returns the metric of the endpoint.
fn metric(watched: &Watched) -> String {
    let (_, page) = watched.api("GET /metrics");
    let name = "cartgate_payload_pointers_missing{endpoint=\"hooks\"} ";
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.expect("the metric").to_owned()
}

/// Returns the open problems and the missing pointers of the status.
fn status(watched: &Watched) -> (String, Value) {
    let (_, report) = watched.api("GET /api/v1/status");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let missing = report["endpoints"][0]["missing_pointers"].clone();
    (report["needs"].to_string(), missing)
}

#[test]
fn a_changed_payload_is_a_problem_until_the_pointers_are_back() {
    let app = App::content();
    let gate = setup(&app).start();
    let watched = Watched::gate(&gate);
    watched.learn((0..50).map(order));
    assert_eq!(metric(&watched), "0.0");
    watched.learn((0..2).map(broken));
    assert_eq!(metric(&watched), "0.0", "two may be odd ones");
    watched.learn([broken(2)]);
    assert_eq!(metric(&watched), "2.0");
    let (problems, missing) = status(&watched);
    assert!(
        problems.contains("lack /order/id, /order/customer"),
        "{problems}"
    );
    assert_eq!(missing[0]["pointer"], "/order/id");
    assert_eq!(missing[0]["bodies"], 50);
    let changes = &watched.profile()["changes"];
    assert_eq!(changes[1]["pointer"], "/order/customer");
    assert_eq!(changes[1]["absent"], 3);

    watched.learn([order(99)]);
    assert_eq!(metric(&watched), "0.0");
    assert_eq!(status(&watched), ("[]".to_owned(), json!([])));
}

#[test]
fn an_operator_accepts_the_new_payload() {
    let app = App::content();
    let gate = setup(&app).start();
    let watched = Watched::gate(&gate);
    watched.learn((0..50).map(order));
    watched.learn((0..5).map(broken));
    assert_eq!(metric(&watched), "2.0");
    let (_, profile) = watched.api("POST /api/v1/profile/hooks/accept");
    let profile: Value = serde_json::from_str(&profile).expect("JSON");
    assert_eq!(profile["changes"], json!([]));
    assert!(!pointers(&profile).contains(&"/order/id"));
    assert_eq!(metric(&watched), "0.0");
    assert_eq!(status(&watched).0, "[]");
}
