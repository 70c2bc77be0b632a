//! The rate of commits. It is a figure to read, not a limit, because machines differ.

use std::time::Instant;

use futures_util::future::join_all;

use super::{database, fresh, servers::postgres::Postgres, store};

#[tokio::test]
#[ignore = "needs PostgreSQL: make test runs it"]
async fn many_senders_share_commits() {
    let server = Postgres::shared();
    let store = store(&database(&server)).await;
    let mut rates = Vec::new();
    for senders in [1, 64] {
        let each = 2000 / senders;
        let begun = Instant::now();
        let sender = async || {
            for _ in 0..each {
                store.insert(fresh(), Box::new(())).await.unwrap();
            }
        };
        join_all((0..senders).map(|_| sender())).await;
        let rate = f64::from(each * senders) / begun.elapsed().as_secs_f64();
        println!("{senders} senders: {rate:.0} events per second");
        rates.push(rate);
    }
    assert!(rates[1] > rates[0] * 2.0, "{rates:?}");
}
