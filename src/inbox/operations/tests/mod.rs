//! Operations on stores that hold deliveries in every state. Those that change deliveries run in
//! both engines.

mod fixture;
mod jobs;
mod shown;
mod states;

/// Makes a test for SQLite and one for PostgreSQL of each function.
macro_rules! in_both_stores {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(super::Fixture::sqlite().await).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test]
                #[ignore = "needs PostgreSQL: make test runs it"]
                async fn $test() {
                    super::$test(super::Fixture::postgres().await).await;
                }
            )*
        }
    };
}
use in_both_stores;
