//! The units for systemd, judged by systemd itself.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use cartgate::config::Clocks;

fn unit(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("packaging/systemd").join(name)
}

fn analyze(arguments: &[&str], units: &[PathBuf]) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).args(units);
    command.output().expect("systemd-analyze is there")
}

#[test]
#[ignore = "needs systemd-analyze; make test runs it"]
fn the_service_is_hardened() {
    let judge = |threshold: &str| {
        let arguments = ["security", "--offline=true", "--no-pager", threshold];
        analyze(&arguments, &[unit("cartgate.service")])
    };
    let judged = judge("--threshold=15");
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(said.contains("Overall exposure level"), "{said}");
    assert!(judged.status.success(), "more than 1.5: {said}");
    // A threshold that nothing meets: its status means something.
    assert!(!judge("--threshold=0").status.success());
}

#[test]
#[ignore = "needs systemd-analyze; make test runs it"]
fn the_units_say_nothing_that_systemd_does_not_know() {
    let dir = tempfile::tempdir().expect("a directory");
    let units: Vec<_> = ["cartgate.service", "cartgate.socket"]
        .iter()
        .map(|name| {
            let text = fs::read_to_string(unit(name)).expect("a unit");
            let here = text.replace("/usr/bin/cartgate", env!("CARGO_BIN_EXE_cartgate"));
            let path = dir.path().join(name);
            fs::write(&path, here).expect("written");
            path
        })
        .collect();
    let judged = analyze(&["verify", "--man=no"], &units);
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_service_has_more_time_to_end_than_a_drain_takes() {
    let text = fs::read_to_string(unit("cartgate.service")).expect("a unit");
    let seconds = text
        .lines()
        .find_map(|line| line.strip_prefix("TimeoutStopSec="))
        .expect("a limit");
    let limit = Duration::from_secs(seconds.parse().expect("seconds"));
    let clocks = Clocks::default();
    assert!(limit > clocks.drain_delay + clocks.drain_limit);
}
