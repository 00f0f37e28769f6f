//! The remover: a process of root's that ends what is left of a session without a keeper and removes its directory.
//!
//! In a process of its own because what it works on is a user's: a directory with a million names, or one that somebody fills
//! as fast as it is emptied, must cost nobody else a moment. It must not outlive its time.

use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_sys::cgroup::Group;
use portcullis_sys::remove::remove_tree;

use crate::log::{chain, say};

/// For a directory whose owner put as much into it as memory holds.
const WITHIN: Duration = Duration::from_secs(120);
/// For the kernel to end a group.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// Clears away a directory and a group; says whether both are gone.
pub(crate) fn run(dir: &Path, group: &Group) -> bool {
    let emptied = group.kill().and_then(|()| group.wait_empty(KILLED_WITHIN)).map(drop);
    // Whatever went wrong before, only a group that is empty can be removed.
    let gone = match group.remove() {
        Ok(()) => true,
        Err(error) => {
            say!(Warn, "cannot remove a session's cgroup: {} ({emptied:?})", chain(&error));
            false
        }
    };
    gone & removed(dir, WITHIN)
}

/// Removes a session's directory; what can't be removed is said.
pub(super) fn removed(dir: &Path, within: Duration) -> bool {
    let done = remove_tree(dir, Instant::now() + within);
    if let Err(error) = &done {
        say!(Warn, "cannot remove `{}`: {error}", dir.display());
    }
    done.is_ok()
}
