//! Mounts by descriptor: what is mounted is made or copied first, and shown at a place that is held open, so that no name is
//! looked up twice. Needs Linux 5.12 (`mount_setattr(2)`).
//!
//! Called by the session's start in a mount namespace of its own ([`crate::namespaces::own_mounts`]); nothing here looks
//! whether it is one. Which place gets what is the caller's business.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{FileStat, Mode, fstat, mkdirat};

/// What can't be done with the files of a mount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Nothing is written.
    pub read_only: bool,
    /// No file is a program or a library.
    pub no_programs: bool,
    /// Set-user-ID bits and capabilities of files have no effect.
    pub no_privileges: bool,
    /// No file is a device.
    pub no_devices: bool,
}

impl Limits {
    /// For data of somebody's: no programs, privileges, devices.
    pub const DATA: Self =
        Self { read_only: false, no_programs: true, no_privileges: true, no_devices: true };

    fn bits(self) -> u64 {
        let bit = |set: bool, bit: u64| if set { bit } else { 0 };
        bit(self.read_only, libc::MOUNT_ATTR_RDONLY)
            | bit(self.no_programs, libc::MOUNT_ATTR_NOEXEC)
            | bit(self.no_privileges, libc::MOUNT_ATTR_NOSUID)
            | bit(self.no_devices, libc::MOUNT_ATTR_NODEV)
    }
}

/// A file or folder that is held, whatever becomes of its name. Nothing can be read or written by it.
#[derive(Debug)]
pub struct Place(OwnedFd);

impl Place {
    /// What this path leads to, links followed, automatic mounts made.
    ///
    /// # Errors
    /// When it leads nowhere.
    pub fn open(path: &Path) -> Result<Self, Errno> {
        let place = Self::open_with(path, OFlag::empty())?;
        // An automatic mount is made for whoever says that it must be a folder.
        if place.kind()? == Kind::Folder { Self::open_with(path, OFlag::O_DIRECTORY) } else { Ok(place) }
    }

    /// The same, unless the last component is a link.
    ///
    /// # Errors
    /// `ELOOP` for a link, otherwise when it leads nowhere.
    pub fn open_no_link(path: &Path) -> Result<Self, Errno> {
        let place = Self::open_with(path, OFlag::O_NOFOLLOW)?;
        if place.kind()? == Kind::Link { Err(Errno::ELOOP) } else { Ok(place) }
    }

    /// The same, unless there is a link anywhere in the path: for names that had none when they were resolved.
    ///
    /// # Errors
    /// `ELOOP` where there is a link, otherwise when it leads nowhere.
    pub fn open_without_links(path: &Path) -> Result<Self, Errno> {
        let open = |flags| {
            let how = OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC | flags);
            let how = how.resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
            openat2(AT_FDCWD, path, how).map(Self)
        };
        let place = open(OFlag::empty())?;
        // As above.
        if place.kind()? == Kind::Folder { open(OFlag::O_DIRECTORY) } else { Ok(place) }
    }

    fn open_with(path: &Path, flags: OFlag) -> Result<Self, Errno> {
        nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC | flags, Mode::empty()).map(Self)
    }

    /// Where it is now, without links.
    ///
    /// # Errors
    /// Without `/proc`.
    pub fn path(&self) -> Result<PathBuf, Errno> {
        nix::fcntl::readlink(format!("/proc/self/fd/{}", self.0.as_raw_fd()).as_str()).map(PathBuf::from)
    }

    /// What it is.
    ///
    /// # Errors
    /// When its file system doesn't answer.
    pub fn kind(&self) -> Result<Kind, Errno> {
        Ok(match self.status()?.st_mode & libc::S_IFMT {
            libc::S_IFDIR => Kind::Folder,
            libc::S_IFLNK => Kind::Link,
            _ => Kind::File,
        })
    }

    /// Owner, mode and the like.
    ///
    /// # Errors
    /// When its file system doesn't answer.
    pub fn status(&self) -> Result<FileStat, Errno> {
        fstat(&self.0)
    }
}

/// What a place is, as far as mounting is concerned: folders go on folders, all else on files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A file, a device, a socket.
    File,
}

/// Something to show at a place: a new file system, or a copy of what is seen elsewhere.
#[derive(Debug)]
pub struct Tree(OwnedFd);

impl Tree {
    /// Processes as this process's namespace has them.
    ///
    /// # Errors
    /// Without privilege.
    pub fn processes() -> Result<Self, Errno> {
        Self::new("proc", &[], Limits::DATA)
    }

    /// Terminals of nobody yet: those of others are not among them. They belong to this group, which may write to them.
    ///
    /// # Errors
    /// Without privilege.
    pub fn terminals(group: u32) -> Result<Self, Errno> {
        let options = [("gid", group.to_string()), ("mode", "620".into()), ("ptmxmode", "666".into())];
        let limits = Limits { no_programs: true, no_privileges: true, ..Limits::default() };
        Self::new("devpts", &options, limits)
    }

    /// Files in memory, at most so many bytes and files; its top has this mode.
    ///
    /// # Errors
    /// Without privilege.
    pub fn memory(bytes: u64, files: u64, mode: u32, limits: Limits) -> Result<Self, Errno> {
        let options =
            [("size", bytes.to_string()), ("nr_inodes", files.to_string()), ("mode", format!("{mode:o}"))];
        Self::new("tmpfs", &options, limits)
    }

    fn new(kind: &str, options: &[(&str, String)], limits: Limits) -> Result<Self, Errno> {
        let kind = CString::new(kind).map_err(|_| Errno::EINVAL)?;
        // SAFETY: a NUL-terminated name; a new descriptor or -1 comes back.
        let context = owned(unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) })?;
        for (key, value) in options {
            let (key, value) = (CString::new(*key), CString::new(value.as_str()));
            let (key, value) = (key.map_err(|_| Errno::EINVAL)?, value.map_err(|_| Errno::EINVAL)?);
            configure(&context, FSCONFIG_SET_STRING, Some((&key, &value)))?;
        }
        configure(&context, FSCONFIG_CMD_CREATE, None)?;
        let (fd, bits) = (context.as_raw_fd(), limits.bits());
        // SAFETY: numbers only; a new descriptor or -1 comes back.
        owned(unsafe { libc::syscall(libc::SYS_fsmount, fd, FSMOUNT_CLOEXEC, bits) }).map(Self)
    }

    /// A copy of what is seen at a place, with everything that is mounted below it.
    ///
    /// # Errors
    /// Without privilege, or when the place is of another mount namespace.
    pub fn copy(place: &Place) -> Result<Self, Errno> {
        let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
        // SAFETY: a live descriptor and an empty NUL-terminated path; a new descriptor or -1 comes back.
        owned(unsafe { libc::syscall(libc::SYS_open_tree, place.0.as_raw_fd(), c"".as_ptr(), flags) })
            .map(Self)
    }

    /// Limits what can be done with its files, and those of all mounts in it. Nothing that is mounted in the original's later
    /// comes to this copy.
    ///
    /// # Errors
    /// Without privilege.
    pub fn limit(&self, limits: Limits) -> Result<(), Errno> {
        set(self.0.as_fd(), limits)
    }

    /// Shows it at a place, in front of what is there.
    ///
    /// # Errors
    /// `ENOTDIR` when one is a folder and the other is not.
    pub fn show_at(&self, place: &Place) -> Result<(), Errno> {
        let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
        let (from, to, empty) = (self.0.as_raw_fd(), place.0.as_raw_fd(), c"".as_ptr());
        // SAFETY: two live descriptors and empty NUL-terminated paths.
        let moved = unsafe { libc::syscall(libc::SYS_move_mount, from, empty, to, empty, flags) };
        Errno::result(moved).map(drop)
    }

    /// A folder of it, made with this mode whatever the mask.
    ///
    /// # Errors
    /// When its parent is not there, or it is.
    pub fn folder(&self, below: &Path, mode: u32) -> Result<Place, Errno> {
        mkdirat(&self.0, below, Mode::S_IRWXU)?;
        let made = openat(&self.0, below, OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        nix::sys::stat::fchmod(&made, Mode::from_bits_truncate(mode))?;
        self.place(below)
    }

    /// An empty file of it, to show something at, which nobody can open.
    ///
    /// # Errors
    /// When its parent is not there, or it is.
    pub fn file(&self, below: &Path) -> Result<Place, Errno> {
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        drop(openat(&self.0, below, flags, Mode::empty())?);
        self.place(below)
    }

    /// A link of it.
    ///
    /// # Errors
    /// When its parent is not there, or it is.
    pub fn link(&self, below: &Path, target: &Path) -> Result<(), Errno> {
        nix::unistd::symlinkat(target, &self.0, below)
    }

    /// Whether its top is a folder.
    pub fn is_folder(&self) -> bool {
        fstat(&self.0).is_ok_and(|status| status.st_mode & libc::S_IFMT == libc::S_IFDIR)
    }

    fn place(&self, below: &Path) -> Result<Place, Errno> {
        openat(&self.0, below, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()).map(Place)
    }
}

impl AsFd for Tree {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Limits everything that this process sees from `/` on, mounts that are shown already included. Copies that were made before
/// are as they were.
///
/// # Errors
/// Without privilege.
pub fn limit_all(limits: Limits) -> Result<(), Errno> {
    let root = Place::open(Path::new("/"))?;
    let flags = AT_RECURSIVE | AT_EMPTY_PATH;
    let attributes = Attributes { set: limits.bits(), ..Attributes::default() };
    set_attributes(root.0.as_fd(), flags, &attributes)
}

/// Runs `body` with the file rights of a user: what a network file system refuses root, or a folder closed to others holds.
/// The groups are those of the process. Single-threaded processes only.
pub fn with_rights_of<T>(uid: u32, gid: u32, body: impl FnOnce() -> T) -> T {
    struct Back(libc::c_int, libc::c_int);
    impl Drop for Back {
        fn drop(&mut self) {
            // SAFETY: numbers only. ORDER: the uid first: with it the right to change the other comes back.
            unsafe {
                libc::setfsuid(u32::from_ne_bytes(self.0.to_ne_bytes()));
                libc::setfsgid(u32::from_ne_bytes(self.1.to_ne_bytes()));
            }
        }
    }
    // SAFETY: numbers only; both say what was before and can't fail for root, who alone gets this far.
    let (gid_before, uid_before) = unsafe { (libc::setfsgid(gid), libc::setfsuid(uid)) };
    let _back = Back(uid_before, gid_before);
    body()
}

const FSOPEN_CLOEXEC: libc::c_uint = 1;
const FSMOUNT_CLOEXEC: libc::c_uint = 1;
const FSCONFIG_SET_STRING: libc::c_uint = 1;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
const AT_EMPTY_PATH: libc::c_uint = 0x1000;
const AT_RECURSIVE: libc::c_uint = 0x8000;

/// `struct mount_attr` (linux/mount.h).
#[repr(C)]
#[derive(Default)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

fn set(at: BorrowedFd<'_>, limits: Limits) -> Result<(), Errno> {
    let attributes =
        Attributes { set: limits.bits(), propagation: libc::MS_PRIVATE, ..Attributes::default() };
    set_attributes(at, AT_RECURSIVE | AT_EMPTY_PATH, &attributes)
}

fn set_attributes(at: BorrowedFd<'_>, flags: libc::c_uint, attributes: &Attributes) -> Result<(), Errno> {
    let (size, empty) = (size_of::<Attributes>(), c"".as_ptr());
    // SAFETY: a live descriptor, an empty NUL-terminated path, and a struct of the size that is said.
    let done = unsafe {
        libc::syscall(libc::SYS_mount_setattr, at.as_raw_fd(), empty, flags, &raw const *attributes, size)
    };
    Errno::result(done).map(drop)
}

fn configure(
    context: &OwnedFd,
    command: libc::c_uint,
    pair: Option<(&CString, &CString)>,
) -> Result<(), Errno> {
    let null = std::ptr::null::<libc::c_char>();
    let (key, value) = pair.map_or((null, null), |(key, value)| (key.as_ptr(), value.as_ptr()));
    // SAFETY: a live descriptor and two NUL-terminated texts, or none where the command takes none.
    let done = unsafe { libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), command, key, value, 0) };
    Errno::result(done).map(drop)
}

fn owned(result: libc::c_long) -> Result<OwnedFd, Errno> {
    let fd = RawFd::try_from(Errno::result(result)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the kernel has just opened this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests;
