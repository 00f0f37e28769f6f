//! What the identity program may call: what the server may, and where a role keeps files of its own, what those take.
//!
//! As for the server, everything else is refused: it reads what directories, identity providers and databases send.

use super::super::row::{Answer, Row, When};
use super::row;
use super::server::Passing;

macro_rules! passing {
    ($why:literal: $($call:ident)*) => { Passing { why: $why, calls: &[$(libc::$call),*] } };
}

/// For a role with files of its own (which ones: Landlock).
pub(in crate::seccomp) const FILES: &[Passing] = &[passing!("a database in a folder of its own":
    SYS_pwrite64 SYS_fsync SYS_fdatasync SYS_ftruncate SYS_fallocate SYS_unlinkat SYS_renameat2 SYS_flock
    SYS_fchmod SYS_mkdirat SYS_umask)];

/// The older forms of some of them, which one architecture has.
#[cfg(target_arch = "x86_64")]
pub(in crate::seccomp) const FILES_ON_X86: &[Passing] =
    &[passing!("the older forms of calls above": SYS_unlink SYS_rename SYS_mkdir)];
#[cfg(not(target_arch = "x86_64"))]
pub(in crate::seccomp) const FILES_ON_X86: &[Passing] = &[];

/// What the server may and a role doesn't that talks to nobody but its parent, over a channel that it was started with.
pub(in crate::seccomp) const NOT_ALONE: &[libc::c_long] =
    &[libc::SYS_connect, libc::SYS_accept4, libc::SYS_socketpair, OLD_ACCEPT];
/// The older form of one of them.
#[cfg(target_arch = "x86_64")]
const OLD_ACCEPT: libc::c_long = libc::SYS_accept;
#[cfg(not(target_arch = "x86_64"))]
const OLD_ACCEPT: libc::c_long = libc::SYS_accept4;

/// What answers it without a word in the kernel's log.
pub(in crate::seccomp) const ALONE: &[Row] = &[row!(
    SYS_socket,
    Unknown,
    "It talks to nobody. Libraries ask name services' caches (nscd, sssd) on the way and go on without them, with each proof: no record of each."
)];
