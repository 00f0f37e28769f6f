//! The daemon's own directories: made with the right owner and mode, and never another's.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use thiserror::Error;

use crate::configuration::ServerUser;

/// Why a directory can't be used.
#[derive(Debug, Error)]
pub(crate) enum DirError {
    /// It can't be made or opened. A symbolic link is not followed.
    #[error("cannot use the directory `{}`", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It belongs to somebody else, or others may write to it.
    #[error("the directory `{}` belongs to uid {owner} with mode {mode:04o}: others could put their files into it", path.display())]
    Unsafe {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Its mode.
        mode: u32,
    },
    /// Another launcher has it.
    #[error("another launcher runs with the directory `{}`", .0.display())]
    Taken(PathBuf),
}

/// Where everything is.
#[derive(Debug, Clone)]
pub(crate) struct Dirs {
    /// Configuration.
    pub(crate) config: PathBuf,
    /// Sockets and sessions' directories.
    pub(crate) run: PathBuf,
    /// Keys, state, audit log.
    pub(crate) state: PathBuf,
    /// `portcullis-server` and `portcullis-session`.
    pub(crate) libexec: PathBuf,
}

impl Dirs {
    /// The audit log's directory.
    pub(crate) fn audit(&self) -> PathBuf {
        self.state.join("audit")
    }

    /// The identity program's own: the database of accounts, where it is a file.
    pub(crate) fn accounts(&self) -> PathBuf {
        self.state.join("accounts")
    }

    /// Where tickets that were shown are remembered, so that each counts once.
    pub(crate) fn tickets(&self) -> PathBuf {
        self.state.join("tickets")
    }

    /// The parent of the sessions' private directories.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.run.join("sessions")
    }

    /// Where the sessions' control sockets are.
    pub(crate) fn control(&self) -> PathBuf {
        self.run.join("control")
    }

    /// Makes what is missing and checks what is there; the lock says that no other launcher uses them.
    pub(crate) fn prepare(&self) -> Result<Lock, DirError> {
        // The identity program passes through to what is its own, and lists nothing; every file in it is root's alone.
        own(&self.state, 0o711)?;
        let lock = self.lock()?;
        own(&self.audit(), 0o700)?;
        own(&self.run, 0o755)?;
        // Others pass through to what is theirs, and can't list whose sessions there are.
        own(&self.sessions(), 0o711)?;
        own(&self.control(), 0o711)?;
        Ok(lock)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the system's constants are below three")]
    fn lock(&self) -> Result<Lock, DirError> {
        let path = self.state.join("lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let failed = |source| DirError::Open { path: path.clone(), source };
        let file = options.open(&path).map_err(failed)?;
        let whole = libc::flock {
            l_type: libc::F_WRLCK as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
            Ok(_) => Ok(Lock(file)),
            Err(Errno::EAGAIN | Errno::EACCES) => Err(DirError::Taken(self.state.clone())),
            Err(errno) => Err(failed(errno.into())),
        }
    }
}

/// Says that a launcher has the directories, while it lives.
///
/// It is a lock of the process (`F_SETLK`): one of `flock(2)` would go on with a child that was forked a moment before the launcher
/// was killed, and the next launcher would find the directories taken. Nothing else may open that file: the first that is closed ends
/// the lock.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "it is kept open, no more")] File);

/// Makes a directory of ours with this mode, or checks that the one that is there is ours and sets its mode.
pub(crate) fn own(path: &Path, mode: u32) -> Result<(), DirError> {
    let failed = |source| DirError::Open { path: path.to_owned(), source };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(failed)?;
        }
        other => other.map_err(failed)?,
    }
    let flags = libc::O_NOFOLLOW | libc::O_DIRECTORY;
    let dir = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    // ORDER: judged and changed by the descriptor: the name could be swapped in between.
    let meta = dir.metadata().map_err(failed)?;
    if meta.uid() != nix::unistd::geteuid().as_raw() || meta.mode() & 0o022 != 0 {
        let (owner, mode) = (meta.uid(), meta.mode() & 0o7777);
        return Err(DirError::Unsafe { path: path.to_owned(), owner, mode });
    }
    if meta.mode() & 0o7777 != mode {
        dir.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    }
    Ok(())
}

/// Makes a directory that is an account's own, or checks that the one that is there is.
pub(crate) fn owned(path: &Path, user: ServerUser) -> Result<(), DirError> {
    let failed = |source| DirError::Open { path: path.to_owned(), source };
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.map_err(failed)?,
    }
    let flags = libc::O_NOFOLLOW | libc::O_DIRECTORY;
    let dir = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    // ORDER: judged and changed by the descriptor: the name could be swapped in between.
    let meta = dir.metadata().map_err(failed)?;
    let (owner, mode) = (meta.uid(), meta.mode() & 0o7777);
    if (owner != nix::unistd::geteuid().as_raw() && owner != user.uid) || mode & 0o077 != 0 {
        return Err(DirError::Unsafe { path: path.to_owned(), owner, mode });
    }
    std::os::unix::fs::fchown(&dir, Some(user.uid), Some(user.gid)).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("there").mode() & 0o7777
    }

    #[test]
    fn directories_are_made_and_prepared_again() {
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| root.path().join(name);
        let dirs = Dirs { config: at("etc"), run: at("run"), state: at("a/b/state"), libexec: at("bin") };
        let lock = dirs.prepare().expect("prepared");
        assert_eq!(mode(&dirs.state), 0o711);
        assert_eq!(mode(&dirs.sessions()), 0o711);
        drop(lock);
        dirs.prepare().expect("prepared again");
    }

    #[test]
    fn a_directory_that_others_write_to_or_a_link_is_refused() {
        let root = tempfile::tempdir().expect("a directory");
        let path = root.path().join("x");
        own(&path, 0o700).expect("made");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("mode set");
        assert!(matches!(own(&path, 0o700), Err(DirError::Unsafe { .. })));
        let link = root.path().join("link");
        std::os::unix::fs::symlink("/tmp", &link).expect("a link");
        assert!(matches!(own(&link, 0o700), Err(DirError::Open { .. })));
    }
}
