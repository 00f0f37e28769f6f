//! Folders of a session's view: found with the user's rights, copied, limited, shown again.

use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::stat::SFlag;
use portcullis_sys::mounts::{self, Kind, Limits, Place, Tree};
use portcullis_wire::SessionSpec;

use super::ViewError;
use super::covers::{Cover, Found, Named};

/// Whose rights paths are looked up with: root's may be none on a network file system, and more than the user's elsewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rights {
    uid: u32,
    gid: u32,
}

/// A place that stays as it is, held before anything is covered.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) path: PathBuf,
    place: Place,
}

impl Named for Kept {
    fn path(&self) -> &Path {
        &self.path
    }
}

impl Rights {
    pub(super) fn of(spec: &SessionSpec) -> Self {
        Self { uid: spec.uid.0, gid: spec.gid.0 }
    }

    pub(super) fn open(self, path: &Path) -> Result<Place, Errno> {
        mounts::with_rights_of(self.uid, self.gid, || Place::open(path))
    }

    /// The same of a name that has no links: where one stands now, its owner put it there since, and it leads nowhere.
    fn open_real(self, path: &Path) -> Result<Place, Errno> {
        mounts::with_rights_of(self.uid, self.gid, || Place::open_without_links(path))
    }

    /// What is there of these, if it is the user's or root's, or in a folder that only root writes to: elsewhere a name says nothing.
    pub(super) fn kept(self, paths: impl Iterator<Item = PathBuf>) -> Result<Vec<Kept>, ViewError> {
        let mut all = Vec::new();
        for path in paths {
            let open = || Place::open_no_link(&path);
            let place = match mounts::with_rights_of(self.uid, self.gid, open) {
                Ok(place) => place,
                Err(_) => continue, // not there, or not for the user
            };
            let own = place.status().is_ok_and(|status| status.st_uid == self.uid || status.st_uid == 0);
            if own || path.parent().is_some_and(|folder| self.is_roots(folder)) {
                all.push(Kept { path: place.path().map_err(ViewError::at("find", &path))?, place });
            }
        }
        Ok(all)
    }

    /// Whether nobody but root makes names in this folder.
    fn is_roots(self, folder: &Path) -> bool {
        let status = self.open(folder).and_then(|folder| folder.status());
        status.is_ok_and(|status| status.st_uid == 0 && status.st_mode & 0o022 == 0)
    }
}

/// Where these are, without links; those that are not there are left out.
pub(super) fn found<T: From<Found>>(paths: impl Iterator<Item = PathBuf>) -> Vec<T> {
    paths
        .filter_map(|path| {
            let place = Place::open(&path).ok()?;
            let folder = place.kind().ok()? == Kind::Folder;
            Some(T::from(Found { path: place.path().ok()?, folder }))
        })
        .collect()
}

impl From<Found> for PathBuf {
    fn from(found: Found) -> Self {
        found.path
    }
}

/// Copies of what is kept, in the same order.
pub(super) fn copies(kept: &[Kept]) -> Result<Vec<Tree>, ViewError> {
    let copy = |kept: &Kept| Tree::copy(&kept.place).map_err(ViewError::at("keep", &kept.path));
    kept.iter().map(copy).collect()
}

/// Makes the folder, or the file, that a kept place is shown at, in the folder `name` of `memory` that covers `cover`.
pub(super) fn mount_point(
    memory: &Tree,
    name: &Path,
    cover: &Path,
    kept: &Path,
    trees: &[(PathBuf, Tree)],
) -> Result<(), Errno> {
    let below = kept.strip_prefix(cover).map_err(|_| Errno::EINVAL)?;
    let mut at = name.to_path_buf();
    let mut parts = below.components().peekable();
    while let Some(part) = parts.next() {
        at.push(part);
        let folder = parts.peek().is_some() || is_folder(kept, trees);
        let made = if folder { memory.folder(&at, 0o755) } else { memory.file(&at) };
        match made {
            Ok(_) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn is_folder(kept: &Path, trees: &[(PathBuf, Tree)]) -> bool {
    trees.iter().any(|(path, tree)| path == kept && tree.is_folder())
}

/// Shows what is kept below a cover at its own path again, with these limits.
pub(super) fn show_kept(cover: &Cover, trees: &[(PathBuf, Tree)], limits: Limits) -> Result<(), ViewError> {
    for (path, tree) in trees.iter().filter(|(path, _)| cover.kept.contains(path)) {
        let shown = Place::open_no_link(path).and_then(|place| {
            tree.limit(limits)?;
            tree.show_at(&place)
        });
        shown.map_err(ViewError::at("keep", path))?;
    }
    Ok(())
}

/// Makes a folder one of data: nothing in it is a program or a library.
pub(super) fn data_only(rights: &Rights, path: &Path) -> Result<(), ViewError> {
    let closed = rights.open_real(path).and_then(|place| {
        let copy = Tree::copy(&place)?;
        copy.limit(Limits::DATA)?;
        copy.show_at(&place)
    });
    closed.map_err(ViewError::at("close to programs", path))
}

/// Makes everything read-only but these folders. Rules for files say the same of what is opened; a file's mode, owner, times
/// and attributes are changed without opening it.
pub(super) fn read_only_but(rights: &Rights, write: &[String]) -> Result<(), ViewError> {
    let failed = |errno| ViewError::Own("read-only folders", errno);
    let mut open = Vec::new();
    for path in write.iter().map(Path::new) {
        // What is not there can't be written to either.
        let Ok(place) = rights.open_real(path) else { continue };
        let mode = SFlag::from_bits_truncate(place.status().map_err(failed)?.st_mode) & SFlag::S_IFMT;
        if mode == SFlag::S_IFCHR {
            // Writing goes through to the device, whatever the mount; and the kernel finds the terminals of /dev/ptmx in the folder
            // beside it, which a mount of its own doesn't have.
            continue;
        }
        let path = place.path().map_err(failed)?;
        open.push((path, Tree::copy(&place).map_err(failed)?));
    }
    mounts::limit_all(Limits { read_only: true, ..Limits::default() }).map_err(failed)?;
    // ORDER: outer ones first, or they would hide the inner ones.
    open.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, tree) in open {
        let shown = rights.open_real(&path).and_then(|place| tree.show_at(&place));
        shown.map_err(ViewError::at("keep", &path))?;
    }
    Ok(())
}
