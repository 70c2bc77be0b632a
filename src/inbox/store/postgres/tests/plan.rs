//! The cost of a claim does not grow with the queue.

use std::time::{Duration, Instant};

use super::{database, servers::postgres::Postgres, store};
use crate::{
    delivery::event::ProbeCursor,
    inbox::store::{
        Store,
        postgres::claim::{CLAIM, CLAIM_NEXT},
    },
};

/// Fills a queue with as many deliveries as are due after a day without the app.
const FILL: &str = "INSERT INTO body (digest, bytes, first_received, seen, events, undelivered)
        SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), 'body', 0, 1, 1, 1 FROM generate_series(1, 170000) n;
    INSERT INTO event SELECT lpad(to_hex(id), 32, '0')::uuid, '/', 'order', id, id, 0, 'head', 'seal', NULL FROM body;
    INSERT INTO delivery (event, queue, state, rank, due, seal) SELECT id, 'shop', 0, body % 2, body, 'seal' FROM event";

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn of_170_000_due_deliveries_a_few_are_claimed_by_the_index() {
    let server = Postgres::shared();
    let url = database(&server);
    let store = store(&url).await;
    Postgres::ask(&url, FILL).unwrap();
    for analysed in ["SELECT", "ANALYZE"] {
        Postgres::ask(&url, analysed).unwrap();
        let generic = format!(
            "SET plan_cache_mode = force_generic_plan; PREPARE claim (text, bigint, bigint, bigint) AS {CLAIM}; \
             EXPLAIN EXECUTE claim ('shop', 8, 45000, NULL)"
        );
        let plan = Postgres::ask(&url, &generic).unwrap();
        assert_eq!(
            plan.matches("Index Scan using delivery_due").count(),
            2,
            "{plan}"
        );
        assert!(!plan.contains("Seq Scan"), "{plan}");
        let generic = format!(
            "SET plan_cache_mode = force_generic_plan; \
             PREPARE next (text, smallint, bigint, uuid, bigint, bigint) AS {CLAIM_NEXT}; \
             EXPLAIN EXECUTE next ('shop', 0::smallint, 80000, gen_random_uuid(), 45000, NULL)"
        );
        let plan = Postgres::ask(&url, &generic).unwrap();
        assert!(plan.contains("Index Scan using delivery_due"), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
    a_probe_in_the_middle_is_found(&*store).await;
    let mut took = Vec::new();
    for _ in 0..40 {
        let begun = Instant::now();
        let claims = store
            .claim(&"shop".into(), 8, Duration::from_secs(45))
            .await
            .unwrap();
        took.push(begun.elapsed());
        assert_eq!(claims.len(), 8);
    }
    took.sort();
    let median = took[took.len() / 2];
    println!(
        "a claim of 8 among 170,000: {median:?}, at most {:?}",
        took[39]
    );
    assert!(median < Duration::from_millis(20), "{median:?}");
}

async fn a_probe_in_the_middle_is_found(store: &dyn Store) {
    let mut turn = ProbeCursor {
        due: 80_000,
        ..ProbeCursor::START
    };
    let mut took = Vec::new();
    for number in 0..20 {
        let begun = Instant::now();
        let claim = store.claim_next(&"shop".into(), turn, Duration::from_secs(45));
        let claim = claim.await.unwrap().expect("one is due");
        took.push(begun.elapsed());
        // Every second event is a copy, which comes later.
        let expected = 80_000 + 2 * number;
        assert_eq!(claim.event.received, expected);
        turn = ProbeCursor::of(&claim);
    }
    took.sort();
    let median = took[took.len() / 2];
    assert!(median < Duration::from_millis(20), "{median:?}");
}
