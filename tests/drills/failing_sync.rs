//! A gate over SQLite whose disk fails a sync, after which the content of the disk is unknown.

use crate::{
    faulty::Syncs,
    gate::{Setup, kill, ready, stop},
    promise::Promise,
    recipient::Recipient,
    senders::{Numbers, Senders, Until},
    stored,
    support::wait_until,
};

#[test]
#[ignore = "of the drills; make test runs it"]
fn after_a_failed_sync_nothing_is_acknowledged_before_a_restart() {
    for end in [kill, stop] {
        let (recipient, syncs) = (Recipient::start(), Syncs::new());
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("inbox.db");
        let setup = Setup::sqlite(&file, &recipient);
        // The library opens its trigger in the process of the gate, where the sandbox denies it.
        let [preload, trigger] = syncs.failing();
        let gate = setup.start_with(&[preload, trigger, ("CARTGATE_NO_SANDBOX", "true")]);
        let numbers = Numbers::default();
        let senders = Senders::start(gate.address(), 4, &numbers, Until::Told);
        senders.wait_for(50);
        assert_eq!(ready(&gate), 200);
        syncs.fail();
        wait_until("orders are rejected", || senders.rejected() > 0);
        // Senders that waited for that commit get their responses before the next one.
        wait_until("each was rejected", || senders.rejected() > 8);
        let acknowledged = senders.acknowledged();
        assert_eq!(ready(&gate), 503);
        assert_eq!(syncs.failed().len(), 1, "tried again: {:?}", syncs.failed());
        syncs.heal();
        let before = senders.rejected();
        wait_until("it still rejects", || senders.rejected() > before + 50);
        assert_eq!(senders.acknowledged(), acknowledged);
        assert_eq!(ready(&gate), 503);
        let mut promise = Promise::default();
        promise.add(senders.end());
        let told = promise.ledger.rejected.values();
        assert!(
            told.clone()
                .all(|one| one.status == 503 && one.retry_after.is_some())
        );
        end(gate);

        let gate = setup.start();
        assert_eq!(ready(&gate), 200);
        let senders = Senders::start(gate.address(), 4, &numbers, Until::Told);
        senders.wait_for(50);
        promise.add(senders.end());
        println!(
            "failing sync: {:?}",
            promise.hold_at_least_once(&[&recipient])
        );
        stop(gate);
        stored::is_whole(&file);
    }
}
