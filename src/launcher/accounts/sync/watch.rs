//! The machine's own files of accounts: that one of them was written, or another one took its place.
//!
//! Nothing of them is read here. What is said is only that there is something to look at: `read` and `lines` find out about whom, and a
//! helper looks. Called by the loop.

use std::fs::Metadata;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use serde::{Deserialize, Serialize};

use crate::log::say;

/// Where they are.
pub(super) const FOLDER: &str = "/etc";
/// Those that say who there is, who is a member of what, and until when.
pub(super) const FILES: [&str; 3] = ["passwd", "group", "shadow"];
/// Reads of one turn, each of some twenty events: a storm is heard in several turns.
const READS: usize = 16;

/// Hears of changes.
#[derive(Debug)]
pub(super) struct Watch(Inotify);

impl Watch {
    /// Begins. `None` where the kernel can't: changes are found by the next look then, and that is said.
    pub(super) fn begin() -> Option<Self> {
        let begin = || -> Result<Inotify, Errno> {
            let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
            // shadow's programs rename a new file into place; editors and scripts write into the old one.
            inotify.add_watch(FOLDER, AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CLOSE_WRITE)?;
            Ok(inotify)
        };
        match begin() {
            Ok(inotify) => Some(Self(inotify)),
            Err(errno) => {
                say!(
                    Warn,
                    "changes of `{FOLDER}/passwd` and the like are not seen at once, only at the next look: {errno}"
                );
                None
            }
        }
    }

    /// What to poll.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Whether one of the files is another one since the last time.
    pub(super) fn changed(&self) -> bool {
        let mut any = false;
        for _ in 0..READS {
            match self.0.read_events() {
                Ok(events) if events.is_empty() => break,
                Ok(events) => {
                    any |= events.iter().any(|event| {
                        // More than the kernel keeps: nobody knows what they were.
                        event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)
                            || event.name.as_ref().is_some_and(|name| FILES.iter().any(|file| name == file))
                    });
                }
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(errno) => {
                    say!(Debug, "the watch of `{FOLDER}` can't be read: {errno}");
                    break;
                }
            }
        }
        any
    }
}

/// Which files there were: number, size, and when they were changed in nanoseconds. Zeros of one that isn't there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp(pub(crate) [(u64, u64, i64); FILES.len()]);

impl Stamp {
    /// What is known of one of them.
    pub(super) fn of(meta: &Metadata) -> (u64, u64, i64) {
        let changed = meta.ctime().saturating_mul(1_000_000_000).saturating_add(meta.ctime_nsec());
        (meta.ino(), meta.size(), changed)
    }
}
