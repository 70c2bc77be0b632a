//! podman, with images and containers of its own.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::tool::{of_the_project, tool};

/// Only runc supports the mixed control groups of some machines, and only netavark names in internal
/// networks.
const ENGINE: &str = r#"
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
[network]
network_backend = "netavark"
"#;

/// An engine with its own storage. Its containers end when it is dropped.
pub(crate) struct Podman {
    dir: TempDir,
}

impl Podman {
    pub(crate) fn new() -> Self {
        let podman = Self {
            dir: tempfile::tempdir().expect("a directory"),
        };
        let at = |name: &str| podman.path(name).display().to_string();
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
            at("storage"),
            at("run")
        );
        fs::write(podman.path("storage.conf"), storage).expect("written");
        let networks = format!("network_config_dir = \"{}\"\n", at("networks"));
        fs::write(
            podman.path("containers.conf"),
            format!("{ENGINE}{networks}"),
        )
        .expect("written");
        podman
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes a program use this engine's storage.
    pub(crate) fn on<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("CONTAINERS_STORAGE_CONF", self.path("storage.conf"))
            .env("CONTAINERS_CONF", self.path("containers.conf"))
            .env("TMPDIR", self.dir.path())
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        let mut command = tool("podman");
        self.on(&mut command).args(args).output().expect("it runs")
    }

    /// Runs a command that must succeed; returns its output.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> String {
        succeeded(&format!("podman {args:?}"), self.output(args))
    }

    /// Builds the image of this project. The engine names it `localhost/cartgate`.
    #[track_caller]
    pub(crate) fn build_image(&self) {
        let mut script = Command::new(of_the_project("scripts/image"));
        script.arg(static_program()).arg("cartgate");
        let built = self.on(&mut script).output().expect("it runs");
        succeeded("scripts/image", built);
    }

    /// Whether this machine permits containers. States the result on standard error, also if the
    /// test passes.
    pub(crate) fn can_run(&self) -> bool {
        let run = ["run", "--rm", "--network=host", "cartgate", "--version"];
        let tried = self.output(&run);
        let can = tried.status.success();
        let stated = if can {
            "podman runs containers here".to_owned()
        } else {
            let why = String::from_utf8_lossy(&tried.stderr);
            format!("podman cannot run containers here, so nothing is tested in them: {why}")
        };
        writeln!(io::stderr(), "{stated}").expect("written");
        can
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // A failing test has another error to show.
        let _ = self.output(&["rm", "--all", "--force", "--time", "0"]);
    }
}

#[track_caller]
pub(crate) fn succeeded(what: &str, output: Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{what}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

/// Returns the static program of `make dist`, or the one that `CARTGATE_STATIC` names.
fn static_program() -> PathBuf {
    let path = std::env::var_os("CARTGATE_STATIC").map(PathBuf::from);
    let path = path.unwrap_or_else(|| of_the_project("dist/cartgate"));
    assert!(path.is_file(), "{path:?} is missing; run `make dist`");
    let needed = tool("ldd").arg(&path).output().expect("it runs");
    let needed = String::from_utf8_lossy(&needed.stdout).into_owned();
    assert!(!needed.contains("=>"), "{path:?} is not static: {needed}");
    path
}
