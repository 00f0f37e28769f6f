//! What there is for a session: processes, temporary files, programs and a network of its own, by namespaces.
//!
//! Made by process 1 of the session's process namespace as root, before anything of the user's runs. The user can undo none
//! of it, and nothing of it is seen outside. It decides nothing: which folders and programs, the specification says. Without a
//! view programs are seen, and the rules for files alone say which are executed.

mod allowed;
mod covers;
mod folders;
mod programs;
mod system;

use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::errno::Errno;
use portcullis_model::sandbox::{Network, View};
use portcullis_sys::mounts::{Limits, Place, Tree};
use portcullis_sys::namespaces;
use portcullis_wire::SessionSpec;
use thiserror::Error;

use crate::journal;

use self::covers::{Cover, covers};
use self::folders::Rights;

/// What everybody may write to, on every Linux: each session has its own.
const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
/// One per 16 kB, as ext4 has them: a file costs the kernel memory beside its bytes, and empty ones have no other limit.
const FILES_PER_MB: u64 = 64;
/// What a small size leaves: sockets and locks are many and empty.
const FILES_LEAST: u64 = 4096;

/// Why the session can't have what it must have. The texts are for its owner.
#[derive(Debug, Error)]
pub(crate) enum ViewError {
    /// The keeper started it otherwise.
    #[error("the session has no processes of its own")]
    NotFirst,
    /// A step.
    #[error("can't make {0} of the session's own")]
    Own(&'static str, #[source] Errno),
    /// A folder.
    #[error("can't {what} `{path}`")]
    Place {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// The kernel's setting.
    #[error("can't close memory to programs")]
    Memory(#[source] std::io::Error),
}

impl ViewError {
    fn at(what: &'static str, path: &Path) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Place { what, path: path.to_owned(), errno }
    }
}

/// Makes what the specification says. Needs root, and sockets of the machine's network to be open by then.
pub(crate) fn enter(spec: &SessionSpec) -> Result<(), ViewError> {
    let sandbox = &spec.sandbox;
    let start = Instant::now();
    match &sandbox.view {
        Some(_) if !namespaces::is_first_process() => return Err(ViewError::NotFirst),
        Some(view) => own_files(spec, view)?,
        None => {}
    }
    if sandbox.network == Network::Own {
        namespaces::own_network().map_err(|errno| ViewError::Own("a network", errno))?;
    }
    if sandbox.view.is_some() {
        journal::info(format_args!(
            "the view is made session={} microseconds={}",
            spec.id,
            start.elapsed().as_micros()
        ));
    }
    Ok(())
}

fn own_files(spec: &SessionSpec, view: &View) -> Result<(), ViewError> {
    let own = |what| move |errno| ViewError::Own(what, errno);
    let rights = Rights::of(spec);
    // ORDER: homes that are mounted at their first use are mounted now, on the machine; what is its own has no such mounts.
    for path in view.data_only.iter().chain([&spec.command.cwd]) {
        let _ = rights.open(Path::new(path)); // a missing one is told below
    }
    namespaces::own_mounts().map_err(own("mounts"))?;
    let processes = Tree::processes().map_err(own("processes"))?;
    let programs = spec.sandbox.programs.as_ref().map(programs::prepare).transpose()?;
    let temporary = temporary();
    let sessions = Path::new(&spec.dir).parent().map(Path::to_path_buf);
    // ORDER: looked up before the first mount, while everything is where it was.
    let hidden = folders::found(view.hidden.iter().map(PathBuf::from).chain(sessions));
    let own_dirs = [spec.dir.as_str(), spec.command.cwd.as_str()].map(PathBuf::from);
    let kept = rights.kept(view.kept.iter().map(PathBuf::from).chain(own_dirs))?;
    let covers = covers(&temporary, &hidden, &kept);
    let kept = kept.iter().map(|kept| kept.path.clone()).zip(folders::copies(&kept)?).collect::<Vec<_>>();

    if let Some(reach) = &spec.sandbox.rules.as_ref().and_then(|rules| rules.reach.as_ref()) {
        folders::read_only_but(&rights, &reach.write)?;
    }
    system::show(&processes)?;
    let data_only = |path: &Path| view.data_only.iter().any(|listed| Path::new(listed) == path);
    show(view, &covers, &kept, data_only)?;
    // ORDER: after what is kept is shown again, which may be in front of one of these.
    for path in view.data_only.iter().map(Path::new).filter(|path| !temporary.iter().any(|at| at == path)) {
        folders::data_only(&rights, path)?;
    }
    if let Some(programs) = programs {
        programs.show()?;
        namespaces::no_programs_in_memory().map_err(ViewError::Memory)?;
    }
    system::close()
}

/// The temporary folders of this machine, without links: on some, one is a link to another.
fn temporary() -> Vec<PathBuf> {
    folders::found(TEMPORARY.iter().map(PathBuf::from))
}

/// Puts the session's own temporary files and the empty places in front of the machine's, and what is kept in front of those.
fn show(
    view: &View,
    covers: &[Cover],
    kept: &[(PathBuf, Tree)],
    data_only: impl Fn(&Path) -> bool,
) -> Result<(), ViewError> {
    let own = |what| move |errno| ViewError::Own(what, errno);
    let (bytes, files) = (u64::from(view.tmp_mb) << 20, u64::from(view.tmp_mb) * FILES_PER_MB);
    let limits = Limits { no_privileges: true, no_devices: true, ..Limits::default() };
    let memory =
        Tree::memory(bytes, files.max(FILES_LEAST), 0o755, limits).map_err(own("temporary files"))?;
    // What is shown of it are folders in it, which can be copied once it is shown itself, where nobody sees it in the end.
    let Some(first) = covers.iter().find(|cover| cover.temporary) else {
        return Err(ViewError::Own("temporary files", Errno::ENOENT));
    };
    let place = |path: &Path| Place::open(path).map_err(ViewError::at("find", path));
    memory.show_at(&place(&first.path)?).map_err(own("temporary files"))?;
    let nothing = memory.file(Path::new("nothing")).map_err(own("temporary files"))?;
    let one = |number: usize, cover: &Cover| {
        let failed = |errno| ViewError::Place { what: "cover", path: cover.path.clone(), errno };
        let limits = Limits { no_programs: cover.temporary && data_only(&cover.path), ..limits };
        let copy = if cover.file {
            Tree::copy(&nothing)
        } else {
            let name = PathBuf::from(number.to_string());
            let folder =
                memory.folder(&name, if cover.temporary { 0o1777 } else { 0o755 }).map_err(failed)?;
            for below in &cover.kept {
                folders::mount_point(&memory, &name, &cover.path, below, kept).map_err(failed)?;
            }
            Tree::copy(&folder)
        };
        let copy = copy.map_err(failed)?;
        let closed = Limits { read_only: true, ..Limits::DATA };
        copy.limit(if cover.temporary { limits } else { closed }).map_err(failed)?;
        match Place::open_no_link(&cover.path) {
            // What is kept is the user's, who may have taken it away meanwhile.
            Err(Errno::ENOENT) if cover.inner => return Ok(()),
            found => found.and_then(|place| copy.show_at(&place)).map_err(failed)?,
        }
        folders::show_kept(cover, kept, limits)
    };
    // ORDER: the one in whose place all were made comes after the others, since it hides them, and then what is below others.
    let order = |cover: &Cover| (cover.inner, cover.path == first.path);
    for wanted in [(false, false), (false, true), (true, false)] {
        for (number, cover) in covers.iter().enumerate().filter(|(_, cover)| order(cover) == wanted) {
            one(number, cover)?;
        }
    }
    Ok(())
}
