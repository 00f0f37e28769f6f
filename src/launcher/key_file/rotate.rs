//! A new key in the place of the one that signs. Killed at any moment, there is a key, and every cookie of the last one verifies.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{KeyFileError, beside, key_text, put, read};

/// What was rotated, by the ids that stand in cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotated {
    /// The key that signs from now on.
    pub(crate) new: String,
    /// The one that signed so far.
    pub(crate) old: String,
    /// Whether that one still verifies.
    pub(crate) kept: bool,
}

/// Makes a new key. With `keep` the one of before still verifies, and one before that does no more; without, only the new one does.
///
/// # Errors
/// See [`KeyFileError`]: then the key of before signs on, and both verify.
pub(crate) fn rotate(path: &Path, server_uid: u32, keep: bool) -> Result<Rotated, KeyFileError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| KeyFileError::File { what: "write", path, source }
    };
    // A link is followed by nobody who reads it, so it must not be written through either.
    let old = read(path, server_uid)?;
    let previous = beside(path);
    // ORDER: the old key verifies under its second name before the first is another's. Killed in between, it is there twice.
    put(&previous, old.secret.expose()).map_err(failed(&previous))?;
    let text = key_text().map_err(failed(path))?;
    put(path, text.as_bytes()).map_err(failed(path))?;
    let new = read(path, server_uid)?;
    if !keep {
        // ORDER: last. Killed before, a key too many verifies, and whoever asked has no answer.
        remove(&previous).map_err(failed(&previous))?;
    }
    Ok(Rotated { new: new.id, old: old.id, kept: keep })
}

fn remove(path: &PathBuf) -> io::Result<()> {
    std::fs::remove_file(path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::{NAME, make, ring};
    use super::*;

    #[test]
    fn the_last_key_verifies_until_it_is_dropped() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NAME);
        let own = nix::unistd::geteuid().as_raw();
        make(&path).expect("made");
        let ids = || ring(&path, own).expect("a ring").into_iter().map(|key| key.id).collect::<Vec<_>>();
        let first = ids().remove(0);
        let one = rotate(&path, own, true).expect("rotated");
        assert_eq!((one.old.as_str(), one.kept), (first.as_str(), true));
        assert_eq!(ids(), [one.new.clone(), first.clone()]);
        let two = rotate(&path, own, true).expect("rotated");
        assert_eq!(ids(), [two.new.clone(), one.new], "the first is gone");
        let three = rotate(&path, own, false).expect("rotated");
        assert_eq!((ids(), three.kept), (vec![three.new], false));
        assert!(!beside(&path).exists());
    }

    #[test]
    fn killed_in_between_the_key_is_there_and_a_rotation_goes_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NAME);
        let own = nix::unistd::geteuid().as_raw();
        make(&path).expect("made");
        let first = ring(&path, own).expect("a ring").remove(0);
        // The old key has its second name, and nothing else happened.
        put(&beside(&path), first.secret.expose()).expect("put");
        std::fs::write(path.with_extension("new"), "left over").expect("written");
        let ids = || ring(&path, own).expect("a ring").into_iter().map(|key| key.id).collect::<Vec<_>>();
        assert_eq!(ids(), [first.id.clone(), first.id.clone()]);
        let next = rotate(&path, own, true).expect("rotated");
        assert_eq!(ids(), [next.new, first.id]);
    }

    #[test]
    fn what_is_no_key_is_not_rotated() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NAME);
        let own = nix::unistd::geteuid().as_raw();
        assert!(rotate(&path, own, true).is_err() && !path.exists());
        std::os::unix::fs::symlink("/etc/hostname", &path).expect("a link");
        assert!(rotate(&path, own, true).is_err() && path.symlink_metadata().expect("there").is_symlink());
    }
}
