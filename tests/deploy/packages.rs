//! The packages of `make packages`: their files, the installation in a root without a running systemd, an upgrade, a
//! removal and a purge; checksums and the bill of materials.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::{
    built::{VERSION, built, debian_package, newer_package, rpm_package},
    debian::{Debian, FILES, additional, succeeds},
};

/// Programs, units and documents that both packages contain, by the places of Debian.
const PACKAGED: [&str; 12] = [
    "/etc/cartgate/cartgate.toml",
    "/usr/bin/cartgate",
    "/usr/lib/systemd/system/cartgate.service",
    "/usr/lib/systemd/system/cartgate.socket",
    "/usr/lib/sysusers.d/cartgate.conf",
    "/usr/share/bash-completion/completions/cartgate",
    "/usr/share/doc/cartgate/README.md",
    "/usr/share/doc/cartgate/cartgate.cdx.json",
    "/usr/share/fish/vendor_completions.d/cartgate.fish",
    "/usr/share/man/man1/cartgate-serve.1",
    "/usr/share/man/man1/cartgate.1",
    "/usr/share/zsh/vendor-completions/_cartgate",
];

fn with_the_package() -> Debian {
    let root = Debian::new();
    root.copy(&debian_package("amd64"), "/root/cartgate.deb");
    root.run("dpkg -i /root/cartgate.deb 2>&1");
    root
}

/// Checks the program, and the owners and modes of the configuration.
fn has_the_layout(root: &Debian) {
    let modes = root.run("stat -c '%n %U:%G %a' /etc/cartgate /etc/cartgate/* /usr/bin/cartgate");
    assert_eq!(
        modes,
        "/etc/cartgate root:cartgate 750\n/etc/cartgate/cartgate.toml root:cartgate 640\n\
         /usr/bin/cartgate root:root 755\n"
    );
    assert_eq!(
        root.run("cartgate --version"),
        format!("cartgate {VERSION}\n")
    );
}

#[test]
#[ignore = "installs packages; make test-deploy runs it"]
fn an_installation_creates_the_account_and_lets_it_read_the_configuration() {
    let root = with_the_package();
    let account = root.run("getent passwd cartgate");
    assert!(
        account.ends_with(":/var/lib/cartgate:/usr/sbin/nologin\n"),
        "{account}"
    );
    has_the_layout(&root);
    root.run("cartgate demo");
    // The units contain nothing that systemd of this release does not know.
    let units = "/usr/lib/systemd/system/cartgate.service /usr/lib/systemd/system/cartgate.socket";
    assert_eq!(
        root.run(&format!("systemd-analyze verify --man=no {units} 2>&1")),
        ""
    );
    let enabled = "test -L /etc/systemd/system/multi-user.target.wants/cartgate.service";
    root.run(enabled);
    root.run("test ! -e /etc/systemd/system/sockets.target.wants/cartgate.socket");
}

#[test]
#[ignore = "installs packages; make test-deploy runs it"]
fn the_command_of_the_unit_protects_an_app() {
    let root = with_the_package();
    fs::write(root.file("/root/app.pl"), include_str!("app.pl")).expect("written");
    let unit = fs::read_to_string(root.file("/usr/lib/systemd/system/cartgate.service"));
    let unit = unit.expect("a unit");
    let command = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let command = command.expect("a command");
    // systemd would create the directory, and start the command as this user.
    root.run(&format!(
        "perl /root/app.pl &
        printf %s 'a secret of the tests, 32 bytes and more' |
            cartgate init --system --yes --secret-file - --upstream http://127.0.0.1:3000/webhooks/orders
        install -d -m 700 -o cartgate -g cartgate /var/lib/cartgate
        setpriv --reuid=cartgate --regid=cartgate --clear-groups --no-new-privs --bounding-set=-all \
            {command} 2>/root/log &
        send='cartgate send http://127.0.0.1:8080/webhooks/orders --secret-file /etc/cartgate/cartfunnel.secret'
        tries=0
        until $send; do
            tries=$((tries + 1))
            [ $tries -lt 100 ] || {{ cat /root/log; exit 1; }}
            sleep 0.1
        done
        for kind in wrong-secret tampered-body missing sha1; do $send --forge $kind; done
        until grep -q '^POST /webhooks/orders HTTP/1.1 {{\"event\":\"order' /run/app.log; do sleep 0.1; done
        test $(wc -l < /run/app.log) = 1"
    ));
}

#[test]
#[ignore = "installs packages; make test-deploy runs it"]
fn an_upgrade_keeps_changes_and_a_purge_leaves_nothing() {
    let root = Debian::new();
    let before = root.run(FILES);
    root.copy(&debian_package("amd64"), "/root/cartgate.deb");
    let dir = tempfile::tempdir().expect("a directory");
    root.copy(&newer_package(&dir), "/root/newer.deb");
    root.run("dpkg -i /root/cartgate.deb 2>&1");
    root.run("printf secret > /etc/cartgate/cartfunnel.secret && chmod 600 /etc/cartgate/*.secret");
    root.run(
        "echo '# Mine.' >> /etc/cartgate/cartgate.toml && chmod 600 /etc/cartgate/cartgate.toml",
    );
    root.run("install -d /var/lib/cartgate && touch /var/lib/cartgate/inbox.db");

    root.run("dpkg --force-confold -i /root/newer.deb 2>&1");
    assert!(
        root.run("cat /etc/cartgate/cartgate.toml")
            .ends_with("# Mine.\n")
    );
    // An administrator's mode stays as well.
    assert_eq!(root.run("stat -c %a /etc/cartgate/cartgate.toml"), "600\n");
    root.run("test -e /etc/cartgate/cartfunnel.secret");

    root.run("dpkg --remove cartgate 2>&1");
    root.run("test ! -e /usr/bin/cartgate -a -e /etc/cartgate/cartfunnel.secret -a -e /var/lib/cartgate/inbox.db");
    root.run("dpkg --purge cartgate 2>&1");
    assert_eq!(additional(&before, &root.run(FILES)), [""; 0]);
    // The number of the account may be in backups of the inbox.
    root.run("getent passwd cartgate");
}

#[test]
#[ignore = "reads packages; make test-deploy runs it"]
fn both_packages_have_the_same_files() {
    let mut names = Command::new("sh");
    let script = "dpkg-deb --fsys-tarfile \"$0\" | tar -t";
    let names = succeeds(names.args(["-c", script]).arg(debian_package("amd64")));
    let deb: BTreeSet<String> = names
        .lines()
        .filter(|line| !line.ends_with('/'))
        .map(|line| {
            line.trim_start_matches('.')
                .trim_end_matches(".gz")
                .to_owned()
        })
        .collect();
    let mut list = Command::new("rpm");
    let list = succeeds(list.arg("-qpl").arg(rpm_package("x86_64")));
    let rpm: BTreeSet<String> = list
        .lines()
        .map(|line| line.replace("zsh/site-functions", "zsh/vendor-completions"))
        .collect();
    for file in PACKAGED {
        assert!(deb.contains(file), "{file}: {deb:?}");
        assert!(rpm.contains(file), "{file}: {rpm:?}");
    }
    let secret = |files: &BTreeSet<String>| files.iter().any(|file| file.contains("secret"));
    assert!(!secret(&deb) && !secret(&rpm));
    let manuals = |files: &BTreeSet<String>| {
        files
            .iter()
            .filter(|file| file.contains("/man1/"))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(manuals(&deb), manuals(&rpm));
}

#[test]
#[ignore = "installs packages; make test-deploy runs it"]
fn rpm_installs_the_same_layout() {
    let root = Debian::new();
    let rpm = |words: &[&str]| {
        let mut command = Command::new("rpm");
        command
            .arg(format!("--root={}", root.file("/").display()))
            .args(words);
        command
    };
    let package = rpm_package("x86_64");
    let package = package.to_str().expect("a plain name");
    // This root has no database of RPM that would name systemd.
    succeeds(&mut rpm(&["--install", "--nodeps", package]));
    has_the_layout(&root);
    root.run("echo '# Mine.' >> /etc/cartgate/cartgate.toml");
    let flags = succeeds(&mut rpm(&[
        "-q",
        "--queryformat",
        "[%{FILEFLAGS:fflags} %{FILENAMES}\\n]",
        "cartgate",
    ]));
    // A configuration that an upgrade does not replace.
    assert!(
        flags.contains("cn /etc/cartgate/cartgate.toml\n"),
        "{flags}"
    );
    succeeds(&mut rpm(&["--erase", "cartgate"]));
    root.run("test ! -e /usr/bin/cartgate -a -e /etc/cartgate/cartgate.toml.rpmsave");
    root.run("test ! -e /etc/systemd/system/multi-user.target.wants/cartgate.service");
}

#[test]
#[ignore = "reads packages; make test-deploy runs it"]
fn checksums_and_the_bill_of_materials_cover_the_packages() {
    let sums = built("SHA256SUMS");
    let dist = sums.parent().expect("a directory");
    let text = fs::read_to_string(&sums).expect("checksums");
    let mut check = Command::new("sha256sum");
    succeeds(
        check
            .args(["--check", "--strict", "SHA256SUMS"])
            .current_dir(dist),
    );
    let base = format!("cartgate-{VERSION}-linux-amd64");
    let names = [
        format!("cartgate_{VERSION}-1_amd64.deb"),
        format!("cartgate-{VERSION}-1.x86_64.rpm"),
        format!("{base}.tar.gz"),
        format!("{base}.cdx.json"),
    ];
    for name in &names {
        assert!(text.contains(&format!("  {name}\n")), "{name}: {text}");
    }

    let dir = tempfile::tempdir().expect("a directory");
    let mut unpack = Command::new("tar");
    succeeds(
        unpack
            .arg("-xzf")
            .arg(built(&names[2]))
            .arg("-C")
            .arg(dir.path()),
    );
    let unpacked = dir.path().join(&base);
    let same = |one: &Path, other: &Path| {
        fs::read(one).expect("a file") == fs::read(other).expect("a file")
    };
    assert!(same(&unpacked.join("cartgate"), &built("cartgate")));
    assert!(same(&unpacked.join("cartgate.cdx.json"), &built(&names[3])));
    for file in [
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "README.md",
        "man/cartgate.1",
        "systemd/cartgate.service",
    ] {
        assert!(unpacked.join(file).is_file(), "{file}");
    }

    let bill = fs::read_to_string(built(&names[3])).expect("a bill of materials");
    let bill: serde_json::Value = serde_json::from_str(&bill).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["component"]["version"], VERSION);
    let components = bill["components"].as_array().expect("components");
    let has = |name: &str| components.iter().any(|component| component["name"] == name);
    assert!(has("hyper") && has("tower-cartgate") && has("libsqlite3-sys"));
    // It lists neither tests nor tools of the build, nor folders of the builder.
    assert!(!has("proptest") && !has("cc"));
    assert!(!bill.to_string().contains(env!("CARGO_MANIFEST_DIR")));
}

#[test]
#[ignore = "runs in qemu; make test-deploy runs it"]
fn the_binary_for_arm64_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut unpack = Command::new("dpkg-deb");
    succeeds(
        unpack
            .arg("-x")
            .arg(debian_package("arm64"))
            .arg(dir.path()),
    );
    let binary = dir.path().join("usr/bin/cartgate");
    let mut file = Command::new("file");
    let kind = succeeds(file.arg("--brief").arg(&binary));
    assert!(
        kind.contains("ARM aarch64") && kind.contains("static"),
        "{kind}"
    );
    let run = |word: &str| {
        let mut command = Command::new("qemu-aarch64-static");
        succeeds(command.arg(&binary).arg(word))
    };
    assert_eq!(run("--version"), format!("cartgate {VERSION}\n"));
    assert!(!run("demo").is_empty());
    rpm_package("aarch64");
}
