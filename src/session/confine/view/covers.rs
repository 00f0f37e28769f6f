//! Which places are covered, and what stays in view of each: a pure decision on paths without links.

use std::path::{Path, PathBuf};

/// A place in front of which something else is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cover {
    /// Where.
    pub(crate) path: PathBuf,
    /// The session's own temporary files, or nothing at all.
    pub(crate) temporary: bool,
    /// A file or a socket.
    pub(crate) file: bool,
    /// What is seen as before, by its whole path.
    pub(crate) kept: Vec<PathBuf>,
    /// Below something that is kept below another cover: made after that one.
    pub(crate) inner: bool,
}

/// Something that stays.
pub(crate) trait Named {
    /// Where it is.
    fn path(&self) -> &Path;
}

/// A place that was found, and whether it is a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where.
    pub(crate) path: PathBuf,
    /// Whether it is one.
    pub(crate) folder: bool,
}

/// The covers: each place once, with what is kept below it. None is below another, unless something between is kept: then it
/// would be seen again. What is named both hidden and kept is hidden.
pub(crate) fn covers(temporary: &[PathBuf], hidden: &[Found], kept: &[impl Named]) -> Vec<Cover> {
    let own = temporary.iter().map(|path| (path, true, false));
    let nothing = hidden.iter().map(|found| (&found.path, false, !found.folder));
    let all: Vec<_> = own.chain(nothing).collect();
    let mut kept: Vec<&Path> = kept.iter().map(Named::path).collect();
    kept.retain(|path| !all.iter().any(|(covered, ..)| covered == path));
    let mut made: Vec<Cover> = Vec::new();
    for &(path, temporary, file) in &all {
        let twice = made.iter().any(|cover| cover.path == *path);
        let above =
            || all.iter().map(|(other, ..)| other).filter(|other| path.starts_with(other) && path != **other);
        let between =
            |other: &Path| kept.iter().any(|kept| kept.starts_with(other) && path.starts_with(kept));
        let (outer, inner) = (above().next().is_some(), above().any(|other| between(other)));
        if !twice && (inner || !outer) {
            made.push(Cover { path: path.clone(), temporary, file, kept: Vec::new(), inner });
        }
    }
    for cover in &mut made {
        let mut below: Vec<_> = kept.iter().filter(|path| path.starts_with(&cover.path)).collect();
        // What is below another that is kept comes with it.
        below.sort_unstable();
        below.dedup_by(|later, earlier| later.starts_with(earlier));
        cover.kept = below.into_iter().map(|path| path.to_path_buf()).collect();
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Named for &str {
        fn path(&self) -> &Path {
            Path::new(self)
        }
    }

    fn hidden(path: &str) -> Found {
        Found { path: path.into(), folder: !path.contains('.') }
    }

    #[test]
    fn each_place_is_covered_once_with_what_stays_in_it() {
        let temporary = ["/tmp", "/dev/shm"].map(PathBuf::from);
        let hidden =
            ["/run/user", "/run/user/7", "/run/docker.sock", "/tmp/x", "/run/p/sessions", "/run/user"]
                .map(hidden);
        let kept = ["/tmp/krb5cc_7", "/run/p/sessions/7", "/run/p/sessions/7/below", "/home/alice", "/tmpx"];
        let found = covers(&temporary, &hidden, &kept);
        let said: Vec<_> = found
            .iter()
            .map(|cover| {
                let kept: Vec<_> = cover.kept.iter().map(|path| path.to_str().expect("plain")).collect();
                (cover.path.to_str().expect("plain"), cover.temporary, cover.file, kept)
            })
            .collect();
        assert_eq!(
            said,
            [
                ("/tmp", true, false, vec!["/tmp/krb5cc_7"]),
                ("/dev/shm", true, false, vec![]),
                ("/run/user", false, false, vec![]),
                ("/run/docker.sock", false, true, vec![]),
                ("/run/p/sessions", false, false, vec!["/run/p/sessions/7"]),
            ]
        );
    }

    #[test]
    fn what_is_hidden_stays_so_whatever_is_kept() {
        let all = ["/run", "/run/user/7/bus", "/run/user/7/x", "/run/other"]
            .map(|path| Found { path: path.into(), folder: !path.ends_with("bus") });
        let kept = ["/tmp", "/run", "/run/user/7", "/run/user/7/bus", "/run/user/7/x/y", "/"];
        let found = covers(&["/tmp".into()], &all, &kept);
        let said: Vec<_> = found
            .iter()
            .map(|cover| (cover.path.to_str().expect("plain"), cover.inner, cover.kept.len()))
            .collect();
        let wanted = [
            ("/tmp", false, 0),
            ("/run", false, 1),
            ("/run/user/7/bus", true, 0),
            ("/run/user/7/x", true, 1),
        ];
        assert_eq!(said, wanted);
        assert_eq!(found[1].kept, ["/run/user/7"].map(PathBuf::from));
    }
}
