//! Files the IDE gets, written as the user below the session's private directory.
//!
//! The directory is the user's, so anything may stand in it by now: nothing is followed and nothing is overwritten.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat, mkdirat};
use thiserror::Error;

/// Why the files are not there.
#[derive(Debug, Error)]
pub(crate) enum FilesError {
    /// The session's directory is not as the keeper makes it.
    #[error("the session's directory `{0}` does not belong to the user alone")]
    NotPrivate(String),
    /// The session's directory can't be opened.
    #[error("can't open the session's directory `{path}`")]
    Directory {
        /// Which.
        path: String,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// A name that leads elsewhere.
    #[error("the file name `{0}` is not a plain path below the session's directory")]
    Name(String),
    /// A file can't be made.
    #[error("can't write `{name}`")]
    Write {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Opens the session's directory and checks that it is `uid`'s and nobody else's.
pub(crate) fn open_private(dir: &str, uid: u32) -> Result<OwnedFd, FilesError> {
    let failed = |errno| FilesError::Directory { path: dir.to_owned(), errno };
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let fd = nix::fcntl::open(dir, flags, Mode::empty()).map_err(failed)?;
    // Looked at through the descriptor: what was checked is what is used.
    let found = fstat(&fd).map_err(failed)?;
    if found.st_uid != uid || found.st_mode & 0o777 != 0o700 {
        return Err(FilesError::NotPrivate(dir.to_owned()));
    }
    Ok(fd)
}

/// Writes `text` to a new file `name` below `dir`, mode 0600; missing directories between are made with 0700.
pub(crate) fn write_new(dir: &OwnedFd, name: &str, text: &str) -> Result<(), FilesError> {
    let failed = |source| FilesError::Write { name: name.to_owned(), source };
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part),
            _ => return Err(FilesError::Name(name.to_owned())),
        }
    }
    let (Some(last), false) = (parts.pop(), name.ends_with('/')) else {
        return Err(FilesError::Name(name.to_owned()));
    };
    let mut below: Option<OwnedFd> = None;
    for part in parts {
        let at = below.as_ref().unwrap_or(dir).as_fd();
        match mkdirat(at, part, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        below = Some(openat(at, part, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?);
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let file =
        openat(below.as_ref().unwrap_or(dir), last, flags, mode).map_err(|errno| failed(errno.into()))?;
    File::from(file).write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};

    #[test]
    fn nothing_is_followed_and_nothing_is_overwritten() {
        let path = std::env::temp_dir().join(format!("portcullis-files-{}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&path).expect("a directory");
        let text = path.to_str().expect("plain");
        let uid = nix::unistd::getuid().as_raw();
        let dir = open_private(text, uid).expect("private");
        assert!(matches!(open_private(text, uid + 1), Err(FilesError::NotPrivate(_))));

        write_new(&dir, "labconfig/page_config.json", "{}").expect("written");
        let mode =
            |name: &str| std::fs::metadata(path.join(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("labconfig"), mode("labconfig/page_config.json")), (0o700, 0o600));
        write_new(&dir, "labconfig/page_config.json", "x").expect_err("there already");

        symlink("/tmp", path.join("out")).expect("a link");
        symlink("/tmp/portcullis-files-never", path.join("link")).expect("a link");
        write_new(&dir, "out/a", "x").expect_err("a link on the way");
        write_new(&dir, "link", "x").expect_err("a link at the end");
        for name in ["", "/etc/x", "../x", "a/../../x", "./x", "a/", "."] {
            assert!(matches!(write_new(&dir, name, "x"), Err(FilesError::Name(_))), "{name}");
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o750)).expect("own");
        assert!(matches!(open_private(text, uid), Err(FilesError::NotPrivate(_))));
        std::fs::remove_dir_all(&path).expect("removed");
    }
}
