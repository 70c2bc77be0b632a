//! Two gates that share one PostgreSQL. One of them is killed twice.

use crate::{
    gate::{Setup, stop},
    promise::Promise,
    recipient::{Recipient, taken},
    rounds::amount,
    senders::{Numbers, Senders, Until},
    servers::postgres::Postgres,
};

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn of_two_gates_one_takes_over_what_the_other_leaves() {
    let events = amount(500, 10_000);
    let (steady, shaky) = (Recipient::start(), Recipient::start());
    let postgres = Postgres::shared();
    let url = postgres.database("two_gates");
    // Both serve one queue. Each delivers to an app of its own, which shows the gate that
    // delivered.
    let [stays, dies] = [&steady, &shaky].map(|one| Setup::postgres(&url, "", one));
    let (mut promise, numbers) = (Promise::default(), Numbers::default());
    let stays = stays.start();
    let sent = Senders::start(stays.address(), 4, &numbers, Until::Told);
    for quarter in [1, 2] {
        let dies = dies.start();
        let senders = Senders::start(dies.address(), 4, &numbers, Until::Broken);
        sent.wait_for(events * quarter / 4);
        promise.kill(dies, &shaky);
        promise.add(senders.end());
    }
    sent.wait_for(events);
    promise.add(sent.end());
    println!("two gates: {:?}", promise.hold(&[&steady, &shaky]));
    for one in [&steady, &shaky] {
        assert!(!taken(&[one]).is_empty(), "both deliver");
    }
    stop(stays);
}
