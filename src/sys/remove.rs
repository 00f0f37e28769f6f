//! Removing a directory whose content is somebody else's, by root: nothing is followed, no mounted file system is entered, no
//! depth or number of names costs more than time, and the time is bounded.
//!
//! `remove_dir_all` would do the first only: a file system of the user's that is mounted below (FUSE) could keep root waiting for
//! ever, and whoever still runs as that user could make names as fast as they are removed. Called by the keeper and, in a
//! process of its own, for the launcher.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Instant;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{UnlinkatFlags, fchown, unlinkat};

/// Names taken from a directory at a time.
const BATCH: usize = 1024;

/// Removes the directory at `path` with all below it. Its parent is the caller's alone. Nothing there is fine.
///
/// What is deeper is moved to the top before it is emptied, so no path is walked and two descriptors are enough.
///
/// # Errors
/// `TimedOut` when names are left at `until`, else the kernel's: the rest is there still.
pub fn remove_tree(path: &Path, until: Instant) -> io::Result<()> {
    match std::fs::remove_dir(path) {
        Err(error) if error.raw_os_error() == Some(libc::ENOTEMPTY) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => return other,
    }
    let top = open(None, path.as_os_str())?;
    if nix::unistd::geteuid().is_root() {
        // ORDER: first nobody else gets in by the name any more; who is in already runs into the deadline.
        fchown(&top, Some(0.into()), Some(0.into()))?;
        fchmod(&top, Mode::S_IRWXU)?;
    }
    let mut lifted = 0;
    loop {
        let names = names(&top)?;
        if names.is_empty() {
            match std::fs::remove_dir(path) {
                Err(error) if error.raw_os_error() == Some(libc::ENOTEMPTY) => {}
                other => return other,
            }
        }
        let (mut gone, mut failed) = (false, None);
        for name in names {
            if Instant::now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match remove_one(&top, &name, &mut lifted, until) {
                Ok(()) => gone = true,
                Err(error) => failed = Some(error),
            }
        }
        if let (false, Some(error)) = (gone, failed) {
            return Err(error);
        }
    }
}

fn remove_one(top: &OwnedFd, name: &OsStr, lifted: &mut u64, until: Instant) -> io::Result<()> {
    match plain(top, name) {
        Ok(true) => return Ok(()),
        Ok(false) => {}
        Err(Errno::EBUSY) => return detach(top, name),
        Err(errno) => return Err(errno.into()),
    }
    let below = match open(Some(top), name) {
        Ok(below) => below,
        Err(error) if error.raw_os_error() == Some(libc::EXDEV) => return detach(top, name),
        Err(error) => return Err(error),
    };
    loop {
        let names = names(&below)?;
        if names.is_empty() {
            break;
        }
        for inner in names {
            if Instant::now() >= until {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match plain(&below, &inner) {
                Ok(true) => {}
                Ok(false) => {
                    *lifted += 1;
                    // A name that somebody made is replaced where it is an empty directory, else an error: never followed.
                    let free = OsString::from(format!(".lifted-{}-{lifted}", std::process::id()));
                    renameat(&below, inner.as_os_str(), top, free.as_os_str())?;
                }
                Err(Errno::EBUSY) => detach(&below, &inner)?,
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    plain(top, name).map(drop).map_err(Into::into)
}

/// Removes a name that is no directory, or an empty one; `false` for one that is not empty.
fn plain(dir: &OwnedFd, name: &OsStr) -> Result<bool, Errno> {
    match unlinkat(dir, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(true),
        Err(Errno::EISDIR | Errno::EPERM) => {}
        Err(errno) => return Err(errno),
    }
    match unlinkat(dir, name, UnlinkatFlags::RemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(Errno::ENOTEMPTY | Errno::EEXIST) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Takes what is mounted at a name away, without a word to it; the name is removed in the next round.
fn detach(dir: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_raw_fd()).into_bytes();
    path.extend_from_slice(name.as_bytes());
    let path = CString::new(path)?;
    // SAFETY: a live string and flags; touches no memory of ours.
    let done = unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW) };
    Errno::result(done).map(drop).map_err(Into::into)
}

/// Opens a directory: no link, nothing mounted on it.
fn open(at: Option<&OwnedFd>, name: &OsStr) -> io::Result<OwnedFd> {
    use std::os::fd::AsFd as _;
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    match at {
        None => Ok(nix::fcntl::open(name, flags, Mode::empty())?),
        Some(dir) => {
            let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_XDEV;
            let resolve = resolve | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
            Ok(openat2(dir.as_fd(), name, OpenHow::new().flags(flags).resolve(resolve))?)
        }
    }
}

fn names(dir: &OwnedFd) -> io::Result<Vec<OsString>> {
    use std::os::fd::AsFd as _;
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    // A description of its own, which starts at the first name.
    let mut opened = Dir::openat(dir.as_fd(), ".", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in opened.iter() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
            if names.len() >= BATCH {
                break;
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    fn place(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("portcullis-remove-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).expect("a directory");
        path
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn links_are_not_followed_and_depth_costs_no_descriptors() {
        let (path, outside) = (place("links"), place("outside"));
        std::fs::write(outside.join("kept"), "x").expect("written");
        std::fs::create_dir_all(path.join("a/b/c")).expect("directories");
        symlink(&outside, path.join("a/b/link")).expect("a link");
        symlink(&outside, path.join("link")).expect("a link");
        std::fs::write(path.join("a/file"), "x").expect("written");
        let mut dir = open(None, path.as_os_str()).expect("open");
        for _ in 0..3000 {
            nix::sys::stat::mkdirat(&dir, "d", Mode::S_IRWXU).expect("made");
            dir = open(Some(&dir), OsStr::new("d")).expect("open");
        }
        drop(dir);
        remove_tree(&path, soon()).expect("removed");
        assert!(!path.exists() && outside.join("kept").exists());
        remove_tree(&path, soon()).expect("nothing to do");
        symlink(&outside, &path).expect("a link");
        remove_tree(&path, soon()).expect_err("a link is no directory");
        assert!(outside.join("kept").exists());
        std::fs::remove_file(&path).expect("removed");
        std::fs::remove_dir_all(&outside).expect("removed");
    }

    #[test]
    fn who_makes_names_without_end_is_not_waited_for() {
        let path = place("endless");
        std::fs::create_dir(path.join("in")).expect("a directory");
        let inside =
            open(Some(&open(None, path.as_os_str()).expect("open")), OsStr::new("in")).expect("open");
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // By a descriptor, as one who was inside before.
                for number in 0_u64.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let _ = nix::sys::stat::mkdirat(&inside, format!("{number}").as_str(), Mode::S_IRWXU);
                }
            });
            let start = Instant::now();
            let _ = remove_tree(&path, start + Duration::from_millis(300)); // gone, or out of time
            over.store(true, Ordering::Relaxed);
            assert!(start.elapsed() < Duration::from_secs(5));
        });
        let _ = remove_tree(&path, soon());
    }

    #[test]
    fn what_is_mounted_below_is_not_entered() {
        use nix::mount::{MsFlags, mount, umount};
        let (path, other) = (place("mounts"), place("other"));
        std::fs::write(other.join("kept"), "x").expect("written");
        let below = path.join("a/mounted");
        std::fs::create_dir_all(&below).expect("directories");
        let bound = mount(Some(&other), &below, None::<&str>, MsFlags::MS_BIND, None::<&str>);
        if bound.is_ok() {
            // Not root, or a container without mounts: nothing to see otherwise.
            let removed = remove_tree(&path, soon());
            let _ = umount(&below);
            removed.expect("removed");
            assert!(other.join("kept").exists(), "the other file system's files are gone");
        }
        let _ = remove_tree(&path, soon());
        std::fs::remove_dir_all(&other).expect("removed");
    }
}
