//! Tests of the throw-away PostgreSQL and of the wire to it, which the drills rely on.

use std::{
    fs, panic,
    path::{Path, PathBuf},
    thread,
};

use crate::servers::{
    cutter::Cutter,
    postgres::{DATABASE, Postgres},
    wait::wait_until,
};

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn what_it_committed_survives_a_kill_and_a_restart() {
    let mut postgres = Postgres::start();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(postgres.sql(&format!("SHOW {setting}")), "on", "{setting}");
    }
    postgres.sql("CREATE TABLE kept (number int); INSERT INTO kept VALUES (1), (2), (3)");
    let url = postgres.url(DATABASE);
    // The client keeps a transaction open until the server ends.
    let open = "BEGIN; INSERT INTO kept VALUES (4); SELECT pg_sleep(50)";
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    for end in [Postgres::restart, |one: &mut Postgres| {
        one.kill();
        one.resume();
    }] {
        thread::scope(|scope| {
            let asked = scope.spawn(|| Postgres::ask(&url, open));
            wait_until("a transaction is open", || postgres.sql(sleeping) == "1");
            end(&mut postgres);
            let broken = asked.join().expect("no panic");
            broken.expect_err("the server went away");
        });
        assert_eq!(
            postgres.sql("SELECT sum(number), count(*) FROM kept"),
            "6|3"
        );
    }
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn nothing_of_it_stays_after_a_panic() {
    let mut seen = None;
    let failed = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        let postgres = Postgres::start();
        let folder = postgres.sql("SHOW data_directory");
        let processes = format!("{folder}/postmaster.pid");
        let processes = fs::read_to_string(processes).expect("it runs");
        let pid = processes.lines().next().expect("a number").to_owned();
        seen = Some((PathBuf::from(folder), Path::new("/proc").join(pid)));
        // `panic!` would print a message.
        panic::resume_unwind(Box::new(()));
    }));
    failed.expect_err("it panicked");
    let (folder, process) = seen.expect("it ran");
    assert!(!folder.exists());
    assert!(!process.exists());
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn over_tcp_it_speaks_only_tls_and_asks_for_the_password() {
    let postgres = Postgres::start_with_tls();
    let whole = postgres.url_at(postgres.address(), DATABASE);
    let ca = format!("&sslrootcert={}", postgres.authority().display());
    let verified = whole.replace("=require", "=verify-full") + &ca;
    let ask = |url: &str| {
        let own = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Postgres::ask(url, own)
    };
    assert_eq!(ask(&verified).as_deref(), Ok("t"));
    let plain = ask(&whole.replace("=require", "=disable")).expect_err("no TLS");
    assert!(plain.contains("no encryption"), "{plain}");
    let unknown = ask(&format!("{whole}&password=another")).expect_err("not the password");
    assert!(unknown.contains("authentication failed"), "{unknown}");
    let elsewhere = verified.replace("localhost", "127.0.0.1");
    let elsewhere = ask(&elsewhere).expect_err("not the certificate's name");
    assert!(elsewhere.contains("certificate"), "{elsewhere}");
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn a_wire_is_cut_in_the_middle_goes_dead_and_is_mended() {
    let postgres = Postgres::start_with_tls();
    let wire = Cutter::before(postgres.address());
    let url = postgres.url_at(wire.address(), DATABASE);
    let ask = || Postgres::ask(&url, "SELECT 1");
    assert_eq!(ask().as_deref(), Ok("1"));
    thread::scope(|scope| {
        let asked = scope.spawn(|| Postgres::ask(&url, "SELECT pg_sleep(50)"));
        let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        wait_until("the server runs the statement", || {
            postgres.sql(sleeping) == "1"
        });
        wire.cut();
        asked.join().expect("no panic").expect_err("it was cut");
    });
    let refused = ask().expect_err("it is cut");
    assert!(refused.contains("refused"), "{refused}");
    wire.mend();
    assert_eq!(ask().as_deref(), Ok("1"));
    wire.go_dead();
    let patient = format!("{url}&connect_timeout=2");
    let dead = Postgres::ask(&patient, "SELECT 1").expect_err("it is dead");
    assert!(dead.contains("timeout"), "{dead}");
    wire.mend();
    assert_eq!(ask().as_deref(), Ok("1"));
}

#[test]
#[ignore = "needs PostgreSQL; make test runs it"]
fn who_shares_a_server_gets_a_database_of_its_own() {
    let [one, two] = [Postgres::shared(), Postgres::shared()];
    let urls = [one.database("one"), two.database("two")];
    assert_eq!(
        Postgres::ask(&urls[0], "CREATE TABLE own ()"),
        Ok(String::new())
    );
    Postgres::ask(&urls[0], "TABLE own").expect("its own table");
    let other = Postgres::ask(&urls[1], "TABLE own").expect_err("not its table");
    assert!(other.contains("does not exist"), "{other}");
    let server = "SELECT pg_postmaster_start_time()";
    let [one, two] = urls.map(|url| Postgres::ask(&url, server).expect("a time"));
    assert_eq!(one, two);
}
