//! The Debian package under a live systemd: from its installation over a delivery, a reload and an upgrade to the purge.

use crate::{
    booted::Booted,
    built::{debian_package, newer_package},
    debian::{Debian, FILES, additional, shown},
};

const SECRET: &str = "a secret of the tests, 32 bytes and more";
const NEXT_SECRET: &str = "the next secret of the tests, 32 bytes and more";
const SEND: &str = "cartgate send --secret-file /etc/cartgate/cartfunnel.secret";
const URL: &str = "http://127.0.0.1:8080/webhooks/orders";

/// Prepares a root that contains the package, a newer one, and a sample app.
fn prepared() -> Debian {
    let root = Debian::new();
    root.copy(&debian_package("amd64"), "/root/cartgate.deb");
    let dir = tempfile::tempdir().expect("a directory");
    root.copy(&newer_package(&dir), "/root/newer.deb");
    std::fs::write(root.file("/root/app.pl"), include_str!("app.pl")).expect("written");
    root
}

fn init(url: &str) -> String {
    format!("printf %s '{SECRET}' | cartgate init --system --yes --secret-file - --upstream {url}")
}

#[test]
#[ignore = "installs packages in a root with a live systemd; make test-deploy runs it"]
fn an_installed_service_protects_an_app_until_it_is_purged() {
    let machine = Booted::start(prepared());
    let before = machine.run(FILES);

    // Installed, enabled, and not started without a secret.
    machine.run("dpkg -i /root/cartgate.deb 2>&1");
    assert_eq!(
        machine.run("systemctl is-enabled cartgate.service"),
        "enabled\n"
    );
    assert_eq!(
        machine.fails("systemctl is-enabled cartgate.socket"),
        "exit status: 1: disabled\n"
    );
    machine.run("systemctl start cartgate");
    let state = "systemctl show --value --property=ActiveState,ConditionResult,MainPID cartgate";
    assert_eq!(
        machine.run(state).split_whitespace().collect::<Vec<_>>(),
        ["0", "inactive", "no"]
    );

    protects_an_app(&machine);
    reloads(&machine);
    upgrades_without_losing_a_delivery(&machine);

    machine.run("systemctl stop cartgate.socket cartgate.service");
    machine.fails(&format!("{SEND} {URL}"));
    machine.run("systemctl start cartgate.socket cartgate.service");
    machine.run("dpkg --remove cartgate 2>&1");
    machine.fails("systemctl is-active cartgate.service cartgate.socket");
    machine.run("test -e /etc/cartgate/cartfunnel.secret -a -e /var/lib/cartgate/inbox.db");
    machine.run("dpkg --purge cartgate 2>&1");
    machine.fails("systemctl cat cartgate.service");
    assert_eq!(additional(&before, &machine.run(FILES)), [""; 0]);
}

fn protects_an_app(machine: &Booted) {
    machine.run("systemd-run --quiet --unit=app perl /root/app.pl");
    machine.run(&init("http://127.0.0.1:3000/webhooks/orders"));
    let modes = machine
        .run("stat -c '%U:%G %a' /etc/cartgate /etc/cartgate/cartgate.toml /etc/cartgate/*.secret");
    assert_eq!(
        modes,
        "root:cartgate 750\nroot:cartgate 640\ncartgate:cartgate 600\n"
    );
    machine.run("systemctl start cartgate");
    let owner =
        machine.run("stat -c %U /proc/$(systemctl show --value --property=MainPID cartgate)");
    assert_eq!(owner, "cartgate\n");
    assert_eq!(
        machine.run("stat -c '%U %a' /var/lib/cartgate"),
        "cartgate 700\n"
    );
    machine.run(&format!("{SEND} {URL}"));
    for kind in ["wrong-secret", "tampered-body", "missing", "sha1"] {
        machine.run(&format!("{SEND} {URL} --forge {kind}"));
    }
    machine.wait_for("grep -q '^POST /webhooks/orders HTTP/1.1 {\"event\":\"order' /run/app.log");
    // The app got the genuine delivery, and no forgery.
    assert_eq!(machine.run("wc -l < /run/app.log"), "1\n");
    let status = machine.run("cartgate status");
    // The unit's own filter permits the calls with which the gate enters its sandbox.
    assert!(status.contains("sandbox enforced"), "{status}");
    assert!(!status.contains("without files"), "{status}");
}

fn reloads(machine: &Booted) {
    let id = "systemctl show --value --property=MainPID cartgate";
    let before = machine.run(id);
    machine.run("cp -p /etc/cartgate/cartfunnel.secret /root/old.secret");
    machine.run(&format!(
        "printf %s '{NEXT_SECRET}' > /etc/cartgate/cartfunnel.secret"
    ));
    machine.run("systemctl reload cartgate");
    machine.wait_for(&format!("{SEND} {URL}"));
    machine.fails(&format!(
        "cartgate send --secret-file /root/old.secret {URL}"
    ));
    assert_eq!(machine.run(id), before);
}

fn upgrades_without_losing_a_delivery(machine: &Booted) {
    let id = "systemctl show --value --property=MainPID cartgate";
    // systemd holds the port, so deliveries wait while the gate restarts.
    machine.run("sed -i 's/^listen = \"127.0.0.1:8080\"/listen = \"systemd:cartgate\"/' /etc/cartgate/cartgate.toml");
    machine.run("systemctl stop cartgate.service && systemctl enable --now cartgate.socket cartgate.service");
    let before = machine.run(id);
    let stream = format!("{SEND} http://127.0.0.1:443/webhooks/orders --count 400 --rate 50 2>&1");
    let stream = machine
        .command(&stream)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    machine.wait_for("test $(wc -l < /run/app.log) -gt 20");
    machine.run("dpkg --force-confold -i /root/newer.deb 2>&1");
    let output = stream.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", shown(&output));
    assert_ne!(machine.run(id), before);
    assert!(
        machine
            .run("dpkg-query -W cartgate")
            .ends_with("99.0.0-1\n")
    );
    machine.run("grep -q systemd:cartgate /etc/cartgate/cartgate.toml");
    machine.run("grep -q 'Of the newer version' /etc/cartgate/cartgate.toml.dpkg-dist");
    machine.run("systemctl is-active cartgate.service cartgate.socket");
    assert!(
        machine
            .run("stat -c '%U:%G %a' /etc/cartgate/cartgate.toml")
            .starts_with("root:cartgate 640")
    );
}
