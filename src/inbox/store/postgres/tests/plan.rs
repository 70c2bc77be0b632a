//! A long queue costs a claim nothing.

use std::time::{Duration, Instant};

use super::{database, servers::postgres::Postgres, store};
use crate::inbox::store::postgres::claim::CLAIM;

/// So many are due after a day without the app.
const FILL: &str = "INSERT INTO body (digest, bytes, first_received, seen, events, undelivered)
        SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), 'body', 0, 1, 1, 1 FROM generate_series(1, 170000) n;
    INSERT INTO event SELECT lpad(to_hex(id), 32, '0')::uuid, '/', 'order', 0, id, 0, 'head', 'seal', NULL FROM body;
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
    }
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
