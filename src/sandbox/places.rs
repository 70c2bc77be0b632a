//! The places of files: a directory that stays the same when another program replaces a file in it.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf, absolute},
};

/// The limit of links in a row, as in the kernel.
const MAX_LINKS: usize = 40;

/// Directories whose entries are no ordinary files. A permission for one of them would reach devices
/// or other processes.
const SPECIAL: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Returns the places through which a file is reached: its directory, and those of the targets of its
/// links (certbot's `live/`, the `..data` of Kubernetes). A file in the root directory or among
/// devices stands for itself.
pub(super) fn of(file: &Path) -> Vec<PathBuf> {
    let places = steps(file).into_iter().map(|(directory, name)| {
        let is_narrow = directory.parent().is_some() && !is_special(&directory);
        if is_narrow {
            directory
        } else {
            directory.join(name)
        }
    });
    places.collect()
}

/// Returns the directory of a file, and those of the targets of its links.
pub(super) fn directories(file: &Path) -> impl Iterator<Item = PathBuf> {
    steps(file).into_iter().map(|(directory, _)| directory)
}

/// Returns the directory and the name of a file, and of each target of its links.
fn steps(file: &Path) -> Vec<(PathBuf, OsString)> {
    let mut steps = Vec::new();
    let Ok(mut at) = absolute(file) else {
        return steps;
    };
    for _ in 0..MAX_LINKS {
        let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else {
            break;
        };
        let Ok(directory) = fs::canonicalize(parent) else {
            break;
        };
        let target = fs::read_link(directory.join(name));
        steps.push((directory.clone(), name.to_owned()));
        match target {
            Ok(target) => at = directory.join(target),
            Err(_) => break,
        }
    }
    steps
}

/// Returns the path without links, also of a file that does not exist yet. Returns none if its
/// directory does not exist either.
pub(super) fn resolved(path: &Path) -> Option<PathBuf> {
    let path = absolute(path).ok()?;
    fs::canonicalize(&path).ok().or_else(|| {
        let directory = fs::canonicalize(path.parent()?).ok()?;
        Some(directory.join(path.file_name()?))
    })
}

fn is_special(directory: &Path) -> bool {
    SPECIAL.iter().any(|special| directory.starts_with(special))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_link_on_the_way_to_a_file_adds_the_directory_of_its_target() {
        let dir = tempfile::tempdir().expect("a directory");
        let root = fs::canonicalize(dir.path()).expect("there");
        for made in ["live", "archive", "mounted/..1"] {
            fs::create_dir_all(root.join(made)).expect("made");
        }
        fs::write(root.join("archive/cert1.pem"), "").expect("written");
        symlink("../archive/cert1.pem", root.join("live/cert.pem")).expect("linked");
        let places = of(&root.join("live/cert.pem"));
        assert_eq!(places, [root.join("live"), root.join("archive")]);

        fs::write(root.join("mounted/..1/secret"), "").expect("written");
        symlink("..1", root.join("mounted/..data")).expect("linked");
        symlink("..data/secret", root.join("mounted/secret")).expect("linked");
        let places = of(&root.join("mounted/secret"));
        assert_eq!(places, [root.join("mounted"), root.join("mounted/..1")]);
        assert_eq!(of(&root.join("missing")), [root]);
    }

    #[test]
    fn no_place_reaches_devices_or_the_whole_machine() {
        assert_eq!(of(Path::new("/secret")), [PathBuf::from("/secret")]);
        assert_eq!(of(Path::new("/dev/null")), [PathBuf::from("/dev/null")]);
        assert!(
            of(Path::new("/dev/stdin"))
                .iter()
                .all(|place| place.parent() != Some(Path::new("/")))
        );
        assert!(of(Path::new("/no/such/directory/file")).is_empty());
    }

    #[test]
    fn a_loop_of_links_ends() {
        let dir = tempfile::tempdir().expect("a directory");
        symlink("loop", dir.path().join("loop")).expect("linked");
        assert!(of(&dir.path().join("loop")).len() <= MAX_LINKS);
    }
}
