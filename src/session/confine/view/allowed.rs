//! What a session may execute, by path: asked for each of a thousand entries of a folder at each start, so by bytes.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Programs, and folders all of whose programs may be executed: paths without links.
#[derive(Debug, Default)]
pub(super) struct Allowed(HashSet<OsString>);

impl FromIterator<PathBuf> for Allowed {
    fn from_iter<T: IntoIterator<Item = PathBuf>>(paths: T) -> Self {
        Self(paths.into_iter().map(PathBuf::into_os_string).collect())
    }
}

impl Allowed {
    /// Whether this very path is listed.
    pub(super) fn lists(&self, path: &Path) -> bool {
        self.0.contains(path.as_os_str())
    }

    /// Whether it is listed, or a folder that it is in.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let mut at = path.as_os_str().as_bytes();
        loop {
            if self.0.contains(OsStr::from_bytes(at)) {
                return true;
            }
            match at.iter().rposition(|byte| *byte == b'/') {
                Some(end) if end > 0 => at = &at[..end],
                _ => return false,
            }
        }
    }

    /// The folders in which something is listed.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().filter_map(|path| Path::new(path).parent())
    }

    /// Whether something in this folder is listed.
    pub(super) fn reaches_into(&self, folder: &Path) -> bool {
        self.0.iter().any(|path| Path::new(path).starts_with(folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_hold_what_is_in_them_and_nothing_beside() {
        let allowed: Allowed = ["/usr/bin/a", "/opt/x"].map(PathBuf::from).into_iter().collect();
        for (path, lists, holds) in [
            ("/usr/bin/a", true, true),
            ("/usr/bin/ab", false, false),
            ("/usr/bin", false, false),
            ("/opt/x/bin/y", false, true),
            ("/opt/xy", false, false),
            ("/", false, false),
        ] {
            let path = Path::new(path);
            assert_eq!((allowed.lists(path), allowed.holds(path)), (lists, holds), "{}", path.display());
        }
        assert!(allowed.reaches_into(Path::new("/usr")) && !allowed.reaches_into(Path::new("/usr/lib")));
    }
}
