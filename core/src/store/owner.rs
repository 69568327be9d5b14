//! Files that are for their owner alone. Unix says so by the mode of each; on Windows a new file is for whom its folder
//! is for.

use std::fs::{Metadata, OpenOptions};

/// Has a file that is created be readable and writable by its owner only.
#[cfg(unix)]
pub(super) fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

/// Leaves the access of a file that is created to its folder.
#[cfg(windows)]
pub(super) fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The mode of a file that anybody but its owner may use; `None` for any other file.
#[cfg(unix)]
pub(super) fn mode_for_others(meta: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = meta.mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// There are no modes.
#[cfg(windows)]
pub(super) fn mode_for_others(_meta: &Metadata) -> Option<u32> {
    None
}
