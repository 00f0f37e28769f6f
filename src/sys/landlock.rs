//! Rules for files and programs that a process gives itself and can't take back (`landlock(7)`).
//!
//! A ruleset is made from paths with the rights of whoever makes it, and put in force in a child by [`crate::exec`] or in this
//! process by [`Ruleset::restrict_self`]. Which paths is the caller's business; which bits of the kernel's make reading,
//! writing and executing in each version of the interface is decided here. Connections are not handled: they are ruled
//! elsewhere, with more than TCP.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, RulesetAttr,
    RulesetCreatedAttr, RulesetError, Scope,
};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{SFlag, fstat};
use thiserror::Error;

/// First version in which files can be moved between folders at all: before it, any ruleset forbids that.
pub const MOVES_SINCE: u32 = 2;
/// First version that knows shortening; before it, a file that can't be written can be emptied.
pub const TRUNCATES_SINCE: u32 = 3;
/// First version that keeps signals and abstract sockets inside.
pub const SCOPES_SINCE: u32 = 6;
/// First version in which denials are told to the kernel's audit system.
const LOGS_SINCE: u32 = 7;
/// `LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON`: denials are logged after an `execve` too, which every program here is.
const LOG_NEW_EXEC_ON: u32 = 1 << 1;

/// Why there is no ruleset.
#[derive(Debug, Error)]
pub enum LandlockError {
    /// Not what this kernel has.
    #[error("the kernel takes no Landlock rules of version {version}")]
    Create {
        /// What was asked for.
        version: u32,
        /// Why.
        #[source]
        source: RulesetError,
    },
    /// A path that is there but can't be used.
    #[error("can't open `{path}` for a Landlock rule")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// The kernel refused the rule.
    #[error("can't make a Landlock rule for `{path}`")]
    Rule {
        /// For which path.
        path: PathBuf,
        /// Why.
        #[source]
        source: RulesetError,
    },
}

/// What a rule grants on a file, or on a folder and everything below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// Reading files, listing folders, and (where the version knows) connecting to sockets that stand there.
    pub read: bool,
    /// Writing, making, renaming and removing; the control calls of devices. No device can be made.
    pub write: bool,
    /// Executing files.
    pub execute: bool,
    /// Moving and linking between folders, by whatever else is granted there; part of `write`.
    pub arrange: bool,
}

/// What is refused where no rule grants it. Whatever it is: another process can't be traced from inside, and where the version
/// knows that, signals and abstract sockets stay inside too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// Nothing about files; needs a version that knows signals.
    Nothing,
    /// Executing, so that programs are chosen.
    Programs,
    /// Everything.
    Files,
}

/// A path and what is granted on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub access: Access,
    /// Whether links in it are followed. Where others than root may put one, it must lead nowhere.
    pub links: bool,
}

/// A ruleset: grants that nothing can be added to any more.
#[derive(Debug)]
pub struct Ruleset {
    fd: OwnedFd,
    flags: u32,
    left_out: Vec<PathBuf>,
}

impl Ruleset {
    /// Makes one for this version of the interface, which the kernel must have. A path that is not there for the calling process is left out: it grants nothing then.
    ///
    /// # Errors
    /// See [`LandlockError`].
    pub fn new(version: u32, what: Handled, rules: &[Rule]) -> Result<Self, LandlockError> {
        let failed = |source| LandlockError::Create { version, source };
        let ruleset = landlock::Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let handled = handled(version, what);
        let ruleset = match handled {
            none if none.is_empty() => ruleset,
            handled => ruleset.handle_access(handled).map_err(failed)?,
        };
        let ruleset = match scopes(version) {
            none if none.is_empty() => ruleset,
            scopes => ruleset.scope(scopes).map_err(failed)?,
        };
        let mut ruleset = ruleset.create().map_err(failed)?;
        let mut left_out = Vec::new();
        for Rule { path, access, links } in rules {
            let Some((fd, folder)) = open(path, *links)? else {
                left_out.push(path.clone());
                continue;
            };
            let rights = rights(version, *access, folder) & handled;
            if !rights.is_empty() {
                ruleset = ruleset
                    .add_rule(PathBeneath::new(fd, rights))
                    .map_err(|source| LandlockError::Rule { path: path.clone(), source })?;
            }
        }
        let unsupported =
            || LandlockError::Open { path: "/sys/kernel/security/landlock".into(), errno: Errno::EOPNOTSUPP };
        let fd = Option::<OwnedFd>::from(ruleset).ok_or_else(unsupported)?;
        Ok(Self { fd, flags: flags(version), left_out })
    }

    /// The paths that were not there.
    pub fn left_out(&self) -> &[PathBuf] {
        &self.left_out
    }

    /// The flags to put it in force with.
    pub const fn flags(&self) -> u32 {
        self.flags
    }

    /// Puts it in force for this thread and what it starts, for ever. Needs `no_new_privs` or root.
    ///
    /// # Errors
    /// `EPERM` without either; `E2BIG` after sixteen of them.
    pub fn restrict_self(&self) -> Result<(), Errno> {
        // SAFETY: a descriptor that lives during the call, and a number.
        let done =
            unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.fd.as_raw_fd(), self.flags) };
        Errno::result(done).map(drop)
    }
}

impl AsFd for Ruleset {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The version as the library numbers it; what is newer than it knows is used as far as it knows.
fn abi(version: u32) -> ABI {
    ABI::from(i32::try_from(version).unwrap_or(i32::MAX))
}

/// What is refused where no rule grants it. Moving between folders is in it: unhandled, it would be refused everywhere.
fn handled(version: u32, what: Handled) -> BitFlags<AccessFs> {
    let all = AccessFs::from_all(abi(version));
    match what {
        Handled::Nothing => BitFlags::empty(),
        Handled::Programs => all & (AccessFs::Execute | AccessFs::Refer),
        Handled::Files => all,
    }
}

fn scopes(version: u32) -> BitFlags<Scope> {
    Scope::from_all(abi(version))
}

const fn flags(version: u32) -> u32 {
    if version >= LOGS_SINCE { LOG_NEW_EXEC_ON } else { 0 }
}

/// The kernel's bits for a grant, in this version, on a folder or on a file.
fn rights(version: u32, access: Access, folder: bool) -> BitFlags<AccessFs> {
    let mut wanted = BitFlags::empty();
    if access.read {
        wanted |= AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::ResolveUnix;
    }
    if access.write {
        // Devices are left: without privilege none can be made but the one that overlay file systems take for a removed file.
        wanted |= AccessFs::from_write(ABI::V8) & !(AccessFs::MakeChar | AccessFs::MakeBlock);
    }
    if access.execute {
        wanted |= AccessFs::Execute;
    }
    if access.arrange {
        wanted |= AccessFs::Refer;
    }
    let known = if folder { AccessFs::from_all(abi(version)) } else { AccessFs::from_file(abi(version)) };
    wanted & known
}

/// Opens what a rule is about, and says whether it is a folder. `None` when it is not there for this process, or where a link
/// stands that is not to be followed.
fn open(path: &Path, links: bool) -> Result<Option<(OwnedFd, bool)>, LandlockError> {
    let failed = |errno| LandlockError::Open { path: path.to_owned(), errno };
    let resolve = if links { ResolveFlag::empty() } else { ResolveFlag::RESOLVE_NO_SYMLINKS };
    let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(resolve);
    let at = |path: &Path| openat2(AT_FDCWD, path, how);
    // Through the folder, not to it: where an automounter waits, a rule on its own folder would mean nothing once the real
    // one covers it.
    let opened = at(&path.join(".")).or_else(|errno| match errno {
        Errno::ENOTDIR | Errno::EACCES => at(path),
        other => Err(other),
    });
    let fd = match opened {
        Ok(fd) => fd,
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES | Errno::ELOOP) => return Ok(None),
        Err(errno) => return Err(failed(errno)),
    };
    let found = fstat(&fd).map_err(failed)?;
    let folder = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR;
    Ok(Some((fd, folder)))
}

/// The version of the interface that this kernel has; none without Landlock or where it is off.
pub fn version() -> Option<u32> {
    /// `LANDLOCK_CREATE_RULESET_VERSION`.
    const ASK: u32 = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the call takes a null pointer and size zero, makes nothing and returns a number.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, ASK) };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

#[cfg(test)]
mod tests;
