//! Conditions of an inbox in PostgreSQL: an event that was edited, and a database that is away.

use super::gate::AlarmedGate;
use crate::{
    servers::postgres::{DATABASE, Postgres},
    support::{App, wait_until},
};

fn config(url: &str, app: &App) -> String {
    format!(
        "[inbox]\nstore = \"{url}\"\nkey = {{ file = \"old\" }}\n\
         [secret.current]\nfile = \"secret\"\n\
         [[endpoint]]\nname = \"orders\"\npath = \"/hooks\"\nsecrets = [\"current\"]\ndurable = true\n\
         [[endpoint.destination]]\nname = \"shop\"\nurl = \"{}\"\n",
        app.url
    )
}

#[test]
#[ignore = "needs PostgreSQL and libfaketime; make test runs it"]
fn an_edited_event_and_a_database_that_is_away_raise_alarms() {
    let mut postgres = Postgres::start();
    let (app, hold) = App::holding();
    let url = postgres.url(DATABASE);
    let gate = AlarmedGate::start(&config(&url, &app));
    // The app holds the first delivery, so that the second waits.
    assert_eq!(gate.send("first"), 200);
    app.wait_for(1);
    assert_eq!(gate.send("second"), 200);
    let edited = Postgres::ask(
        &url,
        "UPDATE event SET received = received + 1 WHERE id = (SELECT id FROM event ORDER BY id DESC LIMIT 1) RETURNING 1",
    );
    assert_eq!(edited.as_deref(), Ok("1"));
    hold.open();
    let quarantine = "1 deliveries for shop are in quarantine";
    gate.raised("quarantine shop", quarantine);
    assert_eq!(app.count(), 1);
    gate.purge("quarantined", 1);
    gate.recovered("quarantine shop", quarantine);

    postgres.kill();
    gate.raised("inbox-failed ", "\n    - inbox: ");
    assert_eq!(gate.send("third"), 503);
    postgres.resume();
    wait_until("it stores again", || gate.send("fourth") == 200);
    gate.recovered("inbox-failed ", "\n    - inbox: ");
    gate.raised("not-taken orders", "a verified delivery was not taken");
    gate.sent([
        "quarantine shop raised",
        "quarantine shop recovered",
        "inbox-failed  raised",
        "inbox-failed  recovered",
        "not-taken orders raised",
    ]);
}
