//! File systems on which SQLite's locks, or the memory it shares between processes, do not hold between machines.

use std::path::Path;

#[cfg(target_os = "linux")]
use super::fault::from_io;
#[cfg(any(target_os = "linux", windows))]
use super::fault::misplaced;
#[cfg(any(target_os = "linux", windows))]
use crate::error::Error;
use crate::error::Result;

/// Refuses a database on a network file system.
#[cfg(target_os = "linux")]
pub(super) fn refuse(path: &Path) -> Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let magic =
        rustix::fs::statfs(directory).map_err(|error| from_io(path, "examined", &error.into()))?.f_type;
    match name(magic as u64 & 0xffff_ffff, directory) {
        None => Ok(()),
        Some(name) => Err(remote(path, &name)),
    }
}

/// Refuses a database on a network share. The path is a resolved one, in which the letter of a drive that is mapped to a
/// share has become the share's name.
#[cfg(windows)]
pub(super) fn refuse(path: &Path) -> Result<()> {
    use std::path::{Component, Prefix};
    match path.components().next() {
        Some(Component::Prefix(prefix)) => match prefix.kind() {
            Prefix::UNC(server, _) | Prefix::VerbatimUNC(server, _) => {
                Err(remote(path, &server.to_string_lossy()))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(any(target_os = "linux", windows))]
fn remote(path: &Path, name: &str) -> Error {
    misplaced(path, &format!("is on a network file system ({name}), where locks do not hold"))
        .hinting("Keep the file on a local disk.")
}

/// Elsewhere the system does not tell reliably.
#[cfg(not(any(target_os = "linux", windows)))]
pub(super) fn refuse(_path: &Path) -> Result<()> {
    Ok(())
}

/// By the magic numbers of `statfs(2)`.
#[cfg(target_os = "linux")]
fn name(magic: u64, directory: &Path) -> Option<String> {
    let name = match magic {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xff53_4d42 => "CIFS",
        0xfe53_4d42 => "SMB2",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x00c3_6400 => "Ceph",
        0x7375_7245 => "Coda",
        0x564c => "NCP",
        0x0bd0_0bd0 => "Lustre",
        0x4750_4653 => "GPFS",
        FUSE => return remote_fuse(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, directory),
        _ => return None,
    };
    Some(name.to_owned())
}

#[cfg(target_os = "linux")]
const FUSE: u64 = 0x6573_5546;

/// FUSE serves local file systems too (encryption, containers), so only those known to be remote are refused.
#[cfg(target_os = "linux")]
const REMOTE_FUSE: &[&str] = &[
    "fuse.sshfs",
    "fuse.s3fs",
    "fuse.gcsfuse",
    "fuse.rclone",
    "fuse.glusterfs",
    "fuse.juicefs",
    "fuse.ceph-fuse",
    "fuse.davfs",
    "fuse.davfs2",
    "fuse.goofys",
    "fuse.mount-s3",
    "fuse.blobfuse",
    "fuse.blobfuse2",
    "fuse.curlftpfs",
    "fuse.gvfsd-fuse",
];

/// The type of the deepest mount above a directory, if it is a remote one. A line of `proc_pid_mountinfo(5)` is
/// `id parent dev root mount-point options … - type source options`.
#[cfg(target_os = "linux")]
fn remote_fuse(mounts: &str, directory: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let point = before.split(' ').nth(4)?.replace("\\040", " ");
            Some((point, after.split(' ').next()?))
        })
        .filter(|(point, _)| directory.starts_with(point))
        .max_by_key(|(point, _)| point.len())
        .map(|(_, kind)| kind.to_owned())
        .filter(|kind| REMOTE_FUSE.contains(&kind.as_str()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_magic() {
        assert_eq!(name(0x6969, Path::new("/")).as_deref(), Some("NFS"));
        assert_eq!(name(0xff53_4d42, Path::new("/")).as_deref(), Some("CIFS"));
        for local in [0xef53, 0x0102_1994, 0x794c_7630, 0x9123_683e, 0x5846_5342] {
            assert_eq!(name(local, Path::new("/")), None);
        }
    }

    #[test]
    fn remote_fuse_mounts_are_told_from_local_ones() {
        let mounts = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
                      40 22 0:50 / /mnt/far rw shared:1 - fuse.sshfs me@host: rw\n\
                      41 22 0:51 / /mnt/far/near rw shared:2 - fuse.gocryptfs /x rw\n";
        assert_eq!(remote_fuse(mounts, Path::new("/mnt/far/a")).as_deref(), Some("fuse.sshfs"));
        assert_eq!(remote_fuse(mounts, Path::new("/mnt/far/near/a")), None);
        assert_eq!(remote_fuse(mounts, Path::new("/mnt/farther")), None);
    }
}
