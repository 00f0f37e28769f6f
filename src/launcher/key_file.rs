//! The key that signs cookies: read from its file, or made at the first start.
//!
//! A key that others may have read, or that is short or regular, is no key: the daemon refuses to start with it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use portcullis_model::Secret;
use portcullis_model::cookie::{Key, KeyError};
use thiserror::Error;
use zeroize::Zeroizing;

mod rotate;

pub(crate) use self::rotate::rotate;

/// Largest key file.
const FILE_MAX: u64 = 4096;
/// Its name in the configuration directory and in the state directory.
pub(crate) const NAME: &str = "secure-cookie-key";

/// The same of the key under which second factors are sealed.
pub(crate) const FACTORS: &str = "factor-key";

/// Why there is no key.
#[derive(Debug, Error)]
pub(crate) enum KeyFileError {
    /// It can't be opened, read or made. A symbolic link is not followed.
    #[error("cannot {what} the key file `{}`", path.display())]
    File {
        /// What failed.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not a plain file.
    #[error("the key file `{}` is not a plain file", .0.display())]
    NotAFile(PathBuf),
    /// Others may read it.
    #[error("the key file `{}` can be read by others (mode {mode:04o})\nhint: chmod 600 it; if anybody may have read it, remove it and restart: everybody signs in again", path.display())]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("the key file `{}` belongs to uid {owner}, not to root or the server's account", path.display())]
    Owner {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Too short.
    #[error("the key file `{}` can't be used", path.display())]
    Short {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// Not what [`make`] writes.
    #[error("the key file `{}` does not hold 32 bytes as base64", .0.display())]
    Form(PathBuf),
    /// One byte over and over.
    #[error("the key file `{}` holds one character over and over: that is no secret", .0.display())]
    Regular(PathBuf),
}

/// The ring: the key of `path` signs; that of `path.previous`, when there is one, still verifies.
pub(crate) fn ring(path: &Path, server_uid: u32) -> Result<Vec<Key>, KeyFileError> {
    let mut keys = vec![read(path, server_uid)?];
    let previous = beside(path);
    if previous.symlink_metadata().is_ok() {
        keys.push(read(&previous, server_uid)?);
    }
    Ok(keys)
}

/// Where the key of before is.
fn beside(path: &Path) -> PathBuf {
    let mut previous = path.as_os_str().to_owned();
    previous.push(".previous");
    PathBuf::from(previous)
}

/// The key under which second factors are sealed: 32 bytes. Other machines on one database need the same file.
pub(crate) fn factors(path: &Path) -> Result<Secret, KeyFileError> {
    let key = read(path, nix::unistd::geteuid().as_raw())?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(key.secret.expose());
    let right = bytes.ok().filter(|bytes| bytes.len() == 32);
    right.map(Secret::new).ok_or_else(|| KeyFileError::Form(path.to_owned()))
}

/// When a key file was written, in seconds since 1970.
pub(crate) fn written(path: &Path) -> Option<u64> {
    u64::try_from(path.symlink_metadata().ok()?.mtime()).ok()
}

/// Makes a key file of 32 random bytes, as base64, when there is none.
pub(crate) fn make(path: &Path) -> Result<(), KeyFileError> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let failed = |source| KeyFileError::File { what: "make", path: path.to_owned(), source };
    key_text().and_then(|text| put(path, text.as_bytes())).map_err(failed)
}

/// 32 random bytes as base64, in a line.
fn key_text() -> io::Result<Zeroizing<String>> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(random.as_mut()).map_err(io::Error::other)?;
    Ok(Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(random.as_ref()) + "\n"))
}

/// Writes a key file whole, in the place of one that may be there: it is on disk when this returns.
fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    // One launcher at a time has the state directory: what is there is a crash's left-over.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn read(path: &Path, server_uid: u32) -> Result<Key, KeyFileError> {
    let failed = |source| KeyFileError::File { what: "read", path: path.to_owned(), source };
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    // ORDER: judged by the descriptor, after the open: nobody can put another file in its place in between.
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(KeyFileError::NotAFile(path.to_owned()));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    if meta.uid() != 0 && meta.uid() != server_uid {
        return Err(KeyFileError::Owner { path: path.to_owned(), owner: meta.uid() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096)); // FILE_MAX: never grown, so no copy is left behind
    file.take(FILE_MAX).read_to_end(&mut bytes).map_err(failed)?;
    let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    if secret.len() > 1 && secret.iter().all(|byte| *byte == secret[0]) {
        return Err(KeyFileError::Regular(path.to_owned()));
    }
    Key::new(Secret::new(secret.to_vec()))
        .map_err(|source| KeyFileError::Short { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn write(path: &Path, text: &[u8], mode: u32) {
        std::fs::write(path, text).expect("written");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("mode set");
    }

    #[test]
    fn a_key_is_made_once_and_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NAME);
        std::fs::write(dir.path().join("secure-cookie-key.new"), "left over").expect("written");
        make(&path).expect("made");
        let own = nix::unistd::geteuid().as_raw();
        let first = ring(&path, own).expect("a ring");
        make(&path).expect("there");
        assert_eq!(ring(&path, own).expect("a ring")[0].id, first[0].id);
        assert_eq!(std::fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(first[0].secret.len(), 44);
    }

    #[test]
    fn weak_keys_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NAME);
        let own = nix::unistd::geteuid().as_raw();
        let good = b"0123456789abcdef0123456789abcdef\n";
        write(&path, good, 0o600);
        assert_eq!(read(&path, own).expect("a key").secret.len(), 32);
        for mode in [0o640, 0o604, 0o660] {
            write(&path, good, mode);
            assert!(matches!(read(&path, own), Err(KeyFileError::Mode { .. })));
        }
        for short in [&b""[..], b"x", b"\n", &good[..31]] {
            write(&path, short, 0o600);
            assert!(matches!(read(&path, own), Err(KeyFileError::Short { .. })), "{short:?}");
        }
        write(&path, &[0; 64], 0o600);
        assert!(matches!(read(&path, own), Err(KeyFileError::Regular(_))));
        std::fs::remove_file(&path).expect("removed");
        assert!(matches!(read(&path, own), Err(KeyFileError::File { .. })));
        std::fs::create_dir(&path).expect("a directory");
        assert!(matches!(read(&path, own), Err(KeyFileError::NotAFile(_))));
        std::fs::remove_dir(&path).expect("removed");
        std::os::unix::fs::symlink("/etc/hostname", &path).expect("a link");
        assert!(matches!(read(&path, own), Err(KeyFileError::File { .. })));
    }

    #[test]
    fn the_key_of_factors_is_32_bytes() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(FACTORS);
        make(&path).expect("made");
        assert_eq!(factors(&path).expect("a key").len(), 32);
        write(&path, b"0123456789abcdef0123456789abcdef\n", 0o600);
        assert!(matches!(factors(&path), Err(KeyFileError::Form(_))));
        write(&path, &[b'A'; 44], 0o600);
        assert!(matches!(factors(&path), Err(KeyFileError::Regular(_))));
    }

    #[test]
    fn the_key_before_still_verifies() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NAME);
        let own = nix::unistd::geteuid().as_raw();
        write(&path, b"0123456789abcdef0123456789abcdef", 0o600);
        write(&dir.path().join("secure-cookie-key.previous"), b"fedcba9876543210fedcba9876543210", 0o600);
        assert_eq!(ring(&path, own).expect("a ring").len(), 2);
    }
}
