//! What the kernel shows of itself: processes and terminals of the session's own, settings to look at only.
//!
//! The settings matter where set-user-ID programs keep their effect (`allow-sudo`): who writes some of them as uid 0 has root's
//! programs run outside, or leaves a control group. Everybody else can't write them anyway.

use std::path::Path;

use nix::errno::Errno;
use portcullis_sys::mounts::{Limits, Place, Tree};

use super::ViewError;

/// Settings, with all that is mounted below: control groups, too.
const READ_ONLY: [&str; 8] = [
    "/sys",
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/proc/irq",
    "/proc/bus",
    "/proc/acpi",
    "/proc/scsi",
    "/proc/fs",
];
/// The group that terminals belong to on every Linux, so that nothing has to be changed of a new one.
const TTY: u32 = 5;

/// Shows the session's processes, which were made ready before, and its terminals.
pub(super) fn show(processes: &Tree) -> Result<(), ViewError> {
    let own = |what| move |errno| ViewError::Own(what, errno);
    Place::open(Path::new("/proc")).and_then(|place| processes.show_at(&place)).map_err(own("processes"))?;
    match Place::open(Path::new("/dev/pts")) {
        Ok(place) => {
            Tree::terminals(TTY).and_then(|tree| tree.show_at(&place)).map_err(own("terminals"))?;
        }
        Err(Errno::ENOENT) => {}
        Err(errno) => return Err(ViewError::at("find", Path::new("/dev/pts"))(errno)),
    }
    Ok(())
}

/// Makes settings read-only, after the last one was written.
pub(super) fn close() -> Result<(), ViewError> {
    for path in READ_ONLY.map(Path::new) {
        let place = match Place::open(path) {
            Ok(place) => place,
            Err(Errno::ENOENT) => continue, // not every machine has each
            Err(errno) => return Err(ViewError::at("find", path)(errno)),
        };
        let closed = Tree::copy(&place).and_then(|tree| {
            tree.limit(Limits { read_only: true, ..Limits::default() })?;
            tree.show_at(&place)
        });
        closed.map_err(ViewError::at("close to writing", path))?;
    }
    Ok(())
}
