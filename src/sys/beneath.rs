//! Files of a package: read below one folder, whatever the name says and whatever links stand there.
//!
//! The kernel resolves the name, and refuses links and everything that leaves the folder. Called by the server for the static
//! files of an IDE whose own server served them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::SystemTime;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

/// A file as it was read.
#[derive(Debug)]
pub struct Found {
    /// All of it.
    pub bytes: Vec<u8>,
    /// When it was changed.
    pub changed: SystemTime,
}

/// Reads the regular file `name` below `folder`, of at most `max` bytes.
///
/// # Errors
/// What the kernel said; `InvalidInput` for what is no regular file, `FileTooLarge` beyond `max`.
pub fn read(folder: &Path, name: &Path, max: u64) -> io::Result<Found> {
    let dir = File::open(folder)?;
    let resolve =
        ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    // Not blocking: a named pipe would be waited for.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut file = File::from(openat2(dir.as_fd(), name, OpenHow::new().flags(flags).resolve(resolve))?);
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if about.len() > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default());
    file.by_ref().take(max).read_to_end(&mut bytes)?;
    Ok(Found { bytes, changed: about.modified()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_outside_and_no_link_is_read() {
        let top = std::env::temp_dir().join(format!("portcullis-beneath-{}", std::process::id()));
        let www = top.join("www");
        fs::create_dir_all(www.join("css")).expect("folders");
        fs::write(www.join("css/a.css"), "body{}").expect("a file");
        fs::write(top.join("secret"), "secret").expect("a file");
        symlink(top.join("secret"), www.join("link")).expect("a link");
        symlink(&top, www.join("out")).expect("a link");
        let read = |name: &str| super::read(&www, Path::new(name), 100).map(|found| found.bytes);
        assert_eq!(read("css/a.css").expect("there"), b"body{}");
        assert_eq!(read("css/./a.css").expect("there"), b"body{}");
        for bad in [
            "../secret",
            "link",
            "out/secret",
            "css/../../secret",
            "/etc/passwd",
            "css",
            "",
            "no",
            "css/a.css/",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(super::read(&www, Path::new("css/a.css"), 3).is_err(), "too large");
        fs::remove_dir_all(&top).expect("removed");
    }
}
