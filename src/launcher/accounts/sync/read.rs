//! The machine's own files of accounts, read: which ones they were, and the fingerprints of their lines.
//!
//! Each is read to its end from one descriptor, up to a length, and never waited for. What was read is wiped; fingerprints stay. What
//! can't be read, is longer, or was being written has none, and everybody is looked up. Called by `sync` and `round`.

use std::fs::{File, OpenOptions};
use std::hash::RandomState;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;
use thiserror::Error;
use zeroize::Zeroizing;

use super::lines::{Bytes, Lines, Odd};
use super::watch::{FILES, FOLDER, Stamp};

/// Bytes of one file that are read: some 100,000 accounts, in a few hundredths of a second.
const LENGTH_MAX: u64 = 8 << 20;

/// Why there are no fingerprints.
#[derive(Debug, Error)]
pub(super) enum Unread {
    /// There is none, or the disk fails.
    #[error("`{0}` can't be read")]
    Io(&'static str, #[source] io::Error),
    /// A pipe, a device.
    #[error("`{0}` is not a file")]
    NoFile(&'static str),
    /// Nobody has so many accounts in files.
    #[error("`{0}` is longer than {LENGTH_MAX} bytes")]
    Long(&'static str),
    /// An editor was at it.
    #[error("`{0}` was being written")]
    Written(&'static str),
    /// It can't be said about whom it is.
    #[error(transparent)]
    Odd(#[from] Odd),
}

/// The files of one moment.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) stamp: Stamp,
    /// What they say; if there is any, it is of the files of the stamp.
    pub(super) lines: Result<Lines, Unread>,
}

impl Files {
    /// Those of now.
    pub(super) fn read(key: &RandomState) -> Self {
        Self::below(Path::new(FOLDER), key)
    }

    fn below(folder: &Path, key: &RandomState) -> Self {
        let mut stamp = Stamp::default();
        let [passwd, group, shadow] = {
            let mut at = stamp.0.iter_mut();
            FILES.map(|file| {
                let none = &mut (0, 0, 0);
                whole(file, &folder.join(file), at.next().unwrap_or(none))
            })
        };
        let lines = passwd.and_then(|passwd| {
            let (group, shadow) = (group?, shadow?);
            Ok(Lines::of(key, Bytes { passwd: &passwd, group: &group, shadow: &shadow })?)
        });
        Self { stamp, lines }
    }
}

/// All that is in a file, and which one it is.
fn whole(name: &'static str, path: &Path, stamp: &mut (u64, u64, i64)) -> Result<Zeroizing<Vec<u8>>, Unread> {
    let failed = |error| Unread::Io(name, error);
    // A pipe in its place is not waited for.
    let opened = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file: File = opened.map_err(|error| {
        // Which one it is can be said of one that can't be opened, too.
        *stamp = std::fs::metadata(path).map_or((0, 0, 0), |meta| Stamp::of(&meta));
        failed(error)
    })?;
    // ORDER: before it is read: what is written meanwhile makes it another one.
    let before = file.metadata().map_err(failed)?;
    *stamp = Stamp::of(&before);
    if !before.is_file() {
        return Err(Unread::NoFile(name));
    }
    if before.len() > LENGTH_MAX {
        return Err(Unread::Long(name));
    }
    // One more, so that the end is seen without another buffer: what it leaves behind would not be wiped.
    let room = usize::try_from(before.len()).map_err(|_| Unread::Long(name))?;
    let mut bytes = Zeroizing::new(vec![0; room + 1]);
    let length = fill(&file, &mut bytes).map_err(failed)?;
    let after = file.metadata().map_err(failed)?;
    // Not when it was changed: another one that takes its place changes that, and this one is whole still.
    let of = |meta: &std::fs::Metadata| (meta.len(), meta.mtime(), meta.mtime_nsec());
    if length != room || of(&before) != of(&after) {
        return Err(Unread::Written(name));
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Reads until the end of the file or of the room.
fn fill(mut file: &File, room: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = room.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |file: &str| folder.path().join(file);
        let key = RandomState::new();
        let read = || Files::below(folder.path(), &key);
        let why = || read().lines.map(drop).map_err(|error| error.to_string());
        assert_eq!(why(), Err("`passwd` can't be read".into()));
        assert_eq!(read().stamp, Stamp::default());
        fs::write(at("passwd"), "ann:x:1001:1001::/:/bin/sh\n").expect("written");
        fs::write(at("group"), "ann:x:1001:\n").expect("written");
        fs::write(at("shadow"), "ann:!:1::::::\n").expect("written");
        assert_eq!(why(), Ok(()));
        // The same files are the same ones, and say the same; another one is another.
        let (one, two) = (read(), read());
        assert_eq!(one.stamp, two.stamp);
        let changes = |one: Files, two: Files| two.lines.expect("read").changes(&one.lines.expect("read"));
        let ann = portcullis_model::Gid(1001);
        assert!(!changes(one, two).touch("ann", ann, &[]));
        let before = read();
        fs::write(at("new"), "ann:*:1::::::\n").expect("written");
        fs::rename(at("new"), at("shadow")).expect("renamed");
        let after = read();
        assert_ne!(before.stamp, after.stamp);
        let found = changes(before, after);
        assert!(found.touch("ann", ann, &[]) && !found.touch("ben", ann, &[]));
        // Which one it is is known of one that is not read.
        fs::write(at("group"), "+:::\n").expect("written");
        assert_eq!(why(), Err("line 1 of `group` may be about anybody".into()));
        assert_ne!(read().stamp.0[1], (0, 0, 0));
        let long = fs::File::create(at("group")).expect("made");
        long.set_len(LENGTH_MAX + 1).expect("longer");
        assert_eq!(why(), Err(format!("`group` is longer than {LENGTH_MAX} bytes")));
        fs::remove_file(at("group")).expect("removed");
        nix::unistd::mkfifo(&at("group"), nix::sys::stat::Mode::S_IRUSR).expect("a pipe");
        assert_eq!(why(), Err("`group` is not a file".into()));
    }
}
