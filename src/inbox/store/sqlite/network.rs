//! Detects network file systems, whose locks and syncs are unreliable.

use std::path::Path;

use super::open_error::OpenErrorKind;

/// Rejects a directory on a network file system.
///
/// # Errors
///
/// [`OpenErrorKind::Network`] if the directory is on one; [`OpenErrorKind::Access`] if the system
/// cannot tell.
#[cfg(target_os = "linux")]
pub(super) fn reject(directory: &Path) -> Result<(), OpenErrorKind> {
    let system =
        rustix::fs::statfs(directory).map_err(|error| OpenErrorKind::Access(error.into()))?;
    // The type has 32 bits, which some machines keep in a wider or signed number.
    match name(system.f_type as u32) {
        Some(name) => Err(OpenErrorKind::Network(name)),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn reject(_: &Path) -> Result<(), OpenErrorKind> {
    Ok(())
}

/// Names a network file system by its type, as in `linux/magic.h` and the manuals of those that are
/// not in it.
#[cfg(target_os = "linux")]
fn name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517B => "SMB",
        0xFF53_4D42 | 0xFE53_4D42 => "CIFS",
        0x0102_1997 => "9p",
        0x6573_5546 => "FUSE",
        0x00C3_6400 => "CephFS",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564C => "NCP",
        0x0BD0_0BD0 => "Lustre",
        0x786F_4256 => "VirtualBox",
        _ => return None,
    })
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_number_and_disks_are_not() {
        for (number, expected) in [
            (0x6969, "NFS"),
            (0xFF53_4D42, "CIFS"),
            (0x6573_5546, "FUSE"),
        ] {
            assert_eq!(name(number), Some(expected));
        }
        let disks = [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630];
        assert!(disks.iter().all(|disk| name(*disk).is_none()));
        assert!(reject(Path::new("/proc")).is_ok());
    }
}
