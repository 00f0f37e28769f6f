//! Programs of a session's view: in front of each folder of programs one that has the allowed ones only, and in place of
//! shells a program that says that there is none.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::FileType;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use portcullis_model::sandbox::Programs;
use portcullis_sys::mounts::{Kind, Limits, Place, Tree};

use super::ViewError;
use super::allowed::Allowed;

/// What the C library and R, Git and editors start shells by. Others are hidden like any program.
pub(super) const SHELLS: [&str; 4] = ["bash", "dash", "rbash", "sh"];
/// Shells by other names, where they lie beside programs that are allowed: an environment's own, which its folder is given without.
const OTHERS: [&str; 11] =
    ["ash", "busybox", "csh", "fish", "ksh", "ksh93", "mksh", "tcsh", "toybox", "xonsh", "zsh"];
/// Room for the folders' entries: links of some hundred bytes at most, beside empty files.
const BYTES: u64 = 4 << 20;

/// One thing that stays in a folder of programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Stays {
    /// The file or folder itself.
    Itself,
    /// A link with this text.
    Link(PathBuf),
    /// The stub in its place.
    Stub,
}

/// A name in a folder, and what it is.
#[derive(Debug, Clone)]
struct Entry {
    /// Its path, the folder's own links followed.
    path: PathBuf,
    kind: Kind,
    /// Of a link: its text, and where it leads in the end, if anywhere.
    link: Option<(PathBuf, Option<PathBuf>)>,
}

/// What becomes of an entry of a folder that is covered. `allowed` has paths without links.
fn stays(entry: &Entry, allowed: &Allowed, folders: &[PathBuf]) -> Option<Stays> {
    let is_shell = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| SHELLS.contains(&name))
    };
    match &entry.link {
        // The folder is not one that is allowed, or it would not be covered.
        None if allowed.lists(&entry.path) => Some(Stays::Itself),
        None => (entry.kind == Kind::File && is_shell(&entry.path)).then_some(Stays::Stub),
        Some((text, Some(end))) if allowed.holds(end) => Some(Stays::Link(text.clone())),
        // A link from one shell to another is kept, as far as the other has the stub in its place.
        Some((text, Some(end))) if is_shell(&entry.path) && is_shell(end) => {
            let covered = end.parent().is_some_and(|parent| folders.iter().any(|folder| folder == parent));
            Some(if covered { Stays::Link(text.clone()) } else { Stays::Stub })
        }
        Some((_, Some(_))) => is_shell(&entry.path).then_some(Stays::Stub),
        Some((_, None)) => None,
    }
}

/// Folders to cover: without links, each once, none below another, none all of which is allowed.
fn outermost(folders: &[PathBuf], allowed: &Allowed) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = folders.to_vec();
    all.sort_unstable();
    all.dedup_by(|later, earlier| later.starts_with(earlier));
    all.retain(|folder| !allowed.holds(folder));
    all
}

/// Covers that are ready to be shown.
#[derive(Debug)]
pub(super) struct Prepared {
    folders: Vec<(PathBuf, Tree, Vec<Shown>)>,
    /// Shells outside of covered folders, with the stub for each.
    shells: Vec<(PathBuf, Tree)>,
}

/// A copy, and the empty file or folder that it is shown at.
type Shown = (Tree, Place);

/// Makes the covers, while everything is where it was.
pub(super) fn prepare(programs: &Programs) -> Result<Prepared, ViewError> {
    let found = |path: &String| Place::open(Path::new(path)).and_then(|place| place.path()).ok();
    let allowed: Allowed = programs.allowed.iter().filter_map(found).collect();
    let folders: Vec<PathBuf> = programs.folders.iter().filter_map(found).collect();
    let folders = outermost(&folders, &allowed);
    let stub = Path::new(&programs.stub);
    let stub = Place::open(stub).map_err(ViewError::at("find", stub))?;
    let made = folders.iter().map(|folder| {
        let failed = |errno| ViewError::Place { what: "hide the programs of", path: folder.clone(), errno };
        let (tree, shown) = cover(folder, &allowed, &folders, &stub).map_err(failed)?;
        Ok((folder.clone(), tree, shown))
    });
    let made = made.collect::<Result<_, _>>()?;
    let failed = |errno| ViewError::Place { what: "replace shells by", path: (&programs.stub).into(), errno };
    let shells = shells(&allowed, &folders, &stub).map_err(failed)?;
    Ok(Prepared { folders: made, shells })
}

/// Shells where the system has them, and beside allowed programs, as far as they are neither covered nor allowed: what can be
/// read, the dynamic linker runs, whatever the rules say of executing it.
fn shells(allowed: &Allowed, folders: &[PathBuf], stub: &Place) -> Result<Vec<(PathBuf, Tree)>, Errno> {
    let mut found = BTreeSet::new();
    let mut all = Vec::new();
    let at: BTreeSet<&Path> = allowed.folders().chain(["/bin", "/usr/bin"].map(Path::new)).collect();
    let names = || SHELLS.iter().chain(&OTHERS);
    for path in at.iter().flat_map(|at| names().map(|name| at.join(name))) {
        let Ok(place) = Place::open(&path) else { continue };
        let end = place.path()?;
        let known = allowed.holds(&end) || folders.iter().any(|folder| end.starts_with(folder));
        if !known && place.kind()? == Kind::File && found.insert(end.clone()) {
            all.push((end, Tree::copy(stub)?));
        }
    }
    Ok(all)
}

impl Prepared {
    /// Shows them.
    pub(super) fn show(self) -> Result<(), ViewError> {
        for (path, copy) in self.shells {
            // ORDER: looked up now: what was held before may be behind another mount by this time.
            match Place::open_no_link(&path).and_then(|place| copy.show_at(&place)) {
                Ok(()) | Err(Errno::ENOENT) => {} // in a folder that is hidden there is none
                Err(errno) => return Err(ViewError::at("replace", &path)(errno)),
            }
        }
        for (folder, tree, inside) in self.folders {
            let failed =
                |errno| ViewError::Place { what: "hide the programs of", path: folder.clone(), errno };
            Place::open(&folder).and_then(|place| tree.show_at(&place)).map_err(failed)?;
            for (copy, place) in inside {
                copy.show_at(&place).map_err(failed)?;
            }
        }
        Ok(())
    }
}

fn cover(
    folder: &Path,
    allowed: &Allowed,
    folders: &[PathBuf],
    stub: &Place,
) -> Result<(Tree, Vec<Shown>), Errno> {
    let mut stay = Vec::new();
    collect(folder, allowed, folders, &mut stay)?;
    let files = stay.len() as u64 + 64;
    let tree = Tree::memory(BYTES, files, 0o755, Limits::DATA)?;
    let mut inside = Vec::new();
    for (path, kind, stays) in stay {
        let below = path.strip_prefix(folder).map_err(|_| Errno::EINVAL)?;
        match (stays, kind) {
            (None, _) => drop(tree.folder(below, 0o755)?),
            (Some(Stays::Link(text)), _) => tree.link(below, &text)?,
            (Some(Stays::Stub), _) => inside.push((Tree::copy(stub)?, tree.file(below)?)),
            (Some(Stays::Itself), Kind::Folder) => {
                inside.push((Tree::copy(&Place::open(&path)?)?, tree.folder(below, 0o755)?));
            }
            (Some(Stays::Itself), _) => inside.push((Tree::copy(&Place::open(&path)?)?, tree.file(below)?)),
        }
    }
    // What is shown in it is another mount, with limits of its own.
    tree.limit(Limits { read_only: true, ..Limits::DATA })?;
    Ok((tree, inside))
}

/// What stays below a folder; a folder that holds something of it is listed before that, without being kept itself.
fn collect(
    folder: &Path,
    allowed: &Allowed,
    folders: &[PathBuf],
    into: &mut Vec<(PathBuf, Kind, Option<Stays>)>,
) -> Result<(), Errno> {
    let failed = |error: std::io::Error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
    let mut listed: HashMap<OsString, FileType> = HashMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        listed.insert(entry.file_name(), entry.file_type().map_err(failed)?);
    }
    for (name, kind) in &listed {
        let path = folder.join(name);
        let entry = if kind.is_symlink() {
            let Ok(text) = std::fs::read_link(&path) else { continue }; // gone meanwhile
            // Most lead to a neighbour, which is known without asking: there are hundreds of them.
            let end = match listed.get(text.as_os_str()) {
                Some(kind) if !kind.is_symlink() => Some(folder.join(&text)),
                _ => Place::open(&path).and_then(|place| place.path()).ok(),
            };
            Entry { path, kind: Kind::Link, link: Some((text, end)) }
        } else {
            let kind = if kind.is_dir() { Kind::Folder } else { Kind::File };
            Entry { path, kind, link: None }
        };
        let stays = stays(&entry, allowed, folders);
        let Entry { path, kind, .. } = entry;
        if stays.is_some() {
            into.push((path, kind, stays));
        } else if kind == Kind::Folder && allowed.reaches_into(&path) {
            into.push((path.clone(), kind, None));
            collect(&path, allowed, folders, into)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> Allowed {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn only_the_outermost_folders_are_covered_and_none_that_is_allowed() {
        let folders = ["/usr/bin", "/usr/lib/R", "/usr/bin", "/usr/lib/R/bin", "/usr/bin2", "/opt/x/bin"];
        let found = outermost(&folders.map(PathBuf::from), &set(&["/opt/x", "/usr/bin/python3"]));
        assert_eq!(found, ["/usr/bin", "/usr/bin2", "/usr/lib/R"].map(PathBuf::from));
    }

    #[test]
    fn programs_links_and_shells_are_told_apart() {
        let allowed = set(&["/usr/bin/python3.11", "/usr/lib/tools", "/opt/x/bin/allowed"]);
        let folders = ["/usr/bin", "/usr/local/bin"].map(PathBuf::from);
        let file = |path: &str| {
            let entry = Entry { path: path.into(), kind: Kind::File, link: None };
            stays(&entry, &allowed, &folders)
        };
        let link = |path: &str, text: &str, end: Option<&str>| {
            let link = Some((text.into(), end.map(PathBuf::from)));
            stays(&Entry { path: path.into(), kind: Kind::Link, link }, &allowed, &folders)
        };
        let kept = |text: &str| Some(Stays::Link(text.into()));
        assert_eq!(file("/usr/bin/python3.11"), Some(Stays::Itself));
        assert_eq!(file("/usr/bin/perl"), None);
        assert_eq!(file("/usr/bin/dash"), Some(Stays::Stub));
        assert_eq!(file("/usr/bin/zsh"), None);
        assert_eq!(link("/usr/bin/python3", "python3.11", Some("/usr/bin/python3.11")), kept("python3.11"));
        assert_eq!(
            link("/usr/bin/py", "/etc/alternatives/py", Some("/usr/bin/python3.11")),
            kept("/etc/alternatives/py")
        );
        assert_eq!(link("/usr/bin/tool", "../lib/tools/a", Some("/usr/lib/tools/a")), kept("../lib/tools/a"));
        assert_eq!(link("/usr/bin/awk", "/etc/alternatives/awk", Some("/usr/bin/mawk")), None);
        assert_eq!(link("/usr/bin/X11", ".", Some("/usr/bin")), None);
        assert_eq!(link("/usr/bin/gone", "nowhere", None), None);
        assert_eq!(link("/usr/bin/sh", "dash", Some("/usr/bin/dash")), kept("dash"));
        assert_eq!(link("/usr/bin/sh", "busybox", Some("/usr/bin/busybox")), Some(Stays::Stub));
        assert_eq!(link("/usr/bin/sh", "/opt/b/bash", Some("/opt/b/bash")), Some(Stays::Stub));
        let named = set(&["/usr/bin/bash"]);
        let bash = Entry { path: "/usr/bin/bash".into(), kind: Kind::File, link: None };
        assert_eq!(stays(&bash, &named, &folders), Some(Stays::Itself), "named is named");
    }
}
