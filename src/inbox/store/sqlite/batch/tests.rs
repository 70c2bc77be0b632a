//! The thread that writes does not tidy up without end.

use super::{Desk, Untidy};
use crate::{
    inbox::store::{
        sqlite::{connection, file, identity::Identity, schema},
        suite::{LIMITS, START, seals},
    },
    runtime::clock::Clock,
};

/// How often a file with some hundred free pages is tidied up, each with this `auto_vacuum`, until nothing is left to do.
fn steps(auto_vacuum: &str) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let taken = file::take(&directory.path().join("inbox.db")).unwrap();
    let mut db = connection::writing(&taken.file).unwrap();
    schema::prepare(&mut db).unwrap();
    db.execute_batch(&format!(
        "PRAGMA auto_vacuum = {auto_vacuum}; VACUUM;
         CREATE TABLE filler (bytes BLOB); INSERT INTO filler VALUES (zeroblob(4000000)); DROP TABLE filler;"
    ))
    .unwrap();
    let identity = Identity::record(&taken).unwrap().into();
    let (clock, meter) = (Clock::manual(START), Default::default());
    let desk = Desk::new(db, taken, identity, &LIMITS, seals(), clock, meter).unwrap();
    let Desk { db, mut batches } = desk;
    assert!(batches.pages.are_too_many(false));
    (1..100)
        .find(|_| matches!(batches.tidy(&db), Untidy::No))
        .expect("it comes to an end")
}

#[test]
fn a_file_that_cannot_shrink_is_left_as_it_is() {
    assert_eq!(steps("NONE"), 1);
    assert!(steps("INCREMENTAL") > 5);
}
