//! Where a path leads, as the user sees it: the answer the proxy compares with the directories that are allowed.
//!
//! The session asks as its user, and only that answer counts; the administrator's command asks to explain, and says so.
//! The answer may be outdated the moment it is given, since the user can change links; the kernel's rules are for that.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Most paths of one question; as the message says.
pub const PATHS_MAX: usize = 16;

/// The canonical absolute path: links followed, no `.` or `..`. The last component may be missing (a file to be made), as
/// itself and not as a link that leads nowhere, since writing would make the link's target. `None` for all else.
pub fn resolve(path: &str) -> Option<String> {
    let path = Path::new(path);
    if !path.is_absolute() {
        return None;
    }
    let resolved = match fs::canonicalize(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => missing(path)?,
        Err(_) => return None,
    };
    resolved.into_os_string().into_string().ok()
}

fn missing(path: &Path) -> Option<PathBuf> {
    let (parent, name) = (path.parent()?, path.file_name()?); // no name: it ends in `..`
    let parent = fs::canonicalize(parent).ok()?;
    let resolved = parent.join(name);
    match fs::symlink_metadata(&resolved) {
        Err(error) if error.kind() == ErrorKind::NotFound => Some(resolved),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_and_only_the_last_may_be_missing() {
        let dir = std::env::temp_dir().join(format!("portcullis-resolve-{}", std::process::id()));
        fs::create_dir_all(dir.join("a/b")).expect("directories");
        let dir = dir.canonicalize().expect("there");
        symlink("/etc", dir.join("a/etc")).expect("a link");
        symlink("nowhere", dir.join("a/dangling")).expect("a link");
        symlink("loop", dir.join("loop")).expect("a link");
        let at = |below: &str| resolve(&format!("{}/{below}", dir.display()));
        let inside = |below: &str| Some(format!("{}/{below}", dir.display()));
        assert_eq!(at("a/etc/passwd"), Some("/etc/passwd".to_owned()));
        assert_eq!(at("a/etc/../a/b"), None, "`..` of a link is the target's parent: /a/b");
        assert_eq!(at("a/b/../b/./new"), inside("a/b/new"));
        assert_eq!(at("a/etc/new-file"), Some("/etc/new-file".to_owned()));
        assert_eq!(at("a//b//"), inside("a/b"));
        for nowhere in ["a/dangling", "loop", "no/such", "a/b/..x/..", "a/\0"] {
            assert_eq!(at(nowhere), None, "{nowhere}");
        }
        assert_eq!(resolve("relative"), None);
        assert_eq!(resolve(""), None);
        assert_eq!(resolve("/"), Some("/".to_owned()));
        fs::remove_dir_all(&dir).expect("removed");
    }
}
