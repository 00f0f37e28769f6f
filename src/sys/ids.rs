//! Becoming a user for good, and the groups before that.
//!
//! Called by the keeper ([`init_groups`]) and by the session's start ([`become_user`]). Single-threaded processes only.

use std::ffi::CString;
use std::io;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getgroups, getresgid, getresuid};
use thiserror::Error;

use crate::proof::{Capabilities, Status};

/// Why the process is not the user now. Whoever gets this must exit: it may be half way.
#[derive(Debug, Error)]
pub enum BecomeError {
    /// Root is nobody to become.
    #[error("uid 0 and gid 0 are refused")]
    Root,
    /// A system call failed.
    #[error("can't set {what}")]
    Set {
        /// What was being set.
        what: &'static str,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// The kernel says something else than what was set.
    #[error("{what} are {found}, not {wanted}")]
    Differ {
        /// Which ids.
        what: &'static str,
        /// What the kernel says.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A way back was open.
    #[error("{0} worked after the drop")]
    Regained(&'static str),
    /// Capabilities are left.
    #[error("capabilities are left: {0}")]
    Capable(Capabilities),
    /// `/proc/self/status` can't be read.
    #[error("can't read `/proc/self/status`")]
    Status(#[source] io::Error),
}

/// Sets the supplementary groups of this process; needs root.
///
/// # Errors
/// `EPERM` without privilege.
pub fn set_groups(groups: &[u32]) -> Result<(), Errno> {
    let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
    nix::unistd::setgroups(&groups)
}

/// Sets the groups that the name service gives `user`, with `gid` among them. May block on a directory service.
///
/// # Errors
/// `EINVAL` for a name with a zero byte, `EPERM` without privilege.
pub fn init_groups(user: &str, gid: u32) -> Result<(), Errno> {
    let user = CString::new(user).map_err(|_| Errno::EINVAL)?;
    nix::unistd::initgroups(&user, Gid::from_raw(gid))
}

/// The supplementary groups now, sorted, each once.
///
/// # Errors
/// Never in practice.
pub fn groups() -> Result<Vec<u32>, Errno> {
    Ok(sorted(getgroups()?.iter().map(|gid| gid.as_raw())))
}

/// Becomes `uid` and `gid` for good. `groups` are set already, by PAM's modules among others, and only compared.
///
/// `bounding` are the capabilities that a set-user-ID program may still get: bits by number, none for nobody.
///
/// A process that is not root may only "become" what it is. Then everything below is proved just the same.
///
/// # Errors
/// See [`BecomeError`]; the caller exits.
pub fn become_user(uid: u32, gid: u32, groups: &[u32], bounding: u64) -> Result<(), BecomeError> {
    if uid == 0 || gid == 0 {
        return Err(BecomeError::Root);
    }
    let set = |what| move |errno| BecomeError::Set { what, errno };
    if Uid::effective().is_root() {
        drop_bounding_set(bounding);
    }
    // ORDER: gid before uid, because setting groups or gid needs the privilege that leaving uid 0 gives up. Real, effective
    // and saved together, so that none is left to return to.
    nix::unistd::setresgid(Gid::from_raw(gid), Gid::from_raw(gid), Gid::from_raw(gid)).map_err(set("gid"))?;
    nix::unistd::setresuid(Uid::from_raw(uid), Uid::from_raw(uid), Uid::from_raw(uid)).map_err(set("uid"))?;
    // The kernel cleared all but the inheritable set when the uid left 0; this clears that one too.
    clear_capabilities().map_err(set("capabilities"))?;

    let now = getresuid().map_err(set("uid"))?;
    differ("uids", [now.real, now.effective, now.saved].map(Uid::as_raw), [uid; 3])?;
    let now = getresgid().map_err(set("gid"))?;
    differ("gids", [now.real, now.effective, now.saved].map(Gid::as_raw), [gid; 3])?;
    // `gid` itself may or may not be listed among the supplementary groups.
    let without = |list: Vec<u32>| list.into_iter().filter(|&group| group != gid).collect::<Vec<_>>();
    let found = without(self::groups().map_err(set("groups"))?);
    differ("groups", found, without(sorted(groups.iter().copied())))?;

    // ORDER: proof by trying, after everything is set and before anything of the user's runs.
    let root = (Uid::from_raw(0), Gid::from_raw(0));
    if nix::unistd::setresuid(root.0, root.0, root.0).is_ok() {
        return Err(BecomeError::Regained("setresuid(0)"));
    }
    if nix::unistd::setresgid(root.1, root.1, root.1).is_ok() {
        return Err(BecomeError::Regained("setresgid(0)"));
    }
    if nix::unistd::setgroups(&[root.1]).is_ok() {
        return Err(BecomeError::Regained("setgroups(0)"));
    }
    let status = Status::read().map_err(BecomeError::Status)?;
    if status.capabilities.is_empty() { Ok(()) } else { Err(BecomeError::Capable(status.capabilities)) }
}

fn differ<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    found: T,
    wanted: T,
) -> Result<(), BecomeError> {
    if found == wanted {
        return Ok(());
    }
    Err(BecomeError::Differ { what, found: format!("{found:?}"), wanted: format!("{wanted:?}") })
}

fn sorted(groups: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut groups: Vec<u32> = groups.collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Empties the bounding set but for `kept`, as far as allowed: a second lock beside `no_new_privs`. Where root itself has no `CAP_SETPCAP`
/// (some containers) it stays, and the proof line shows it.
fn drop_bounding_set(kept: u64) {
    for capability in (0..64_u64).filter(|number| kept & 1 << number == 0) {
        // SAFETY: prctl with PR_CAPBSET_DROP takes numbers only and touches no memory of ours.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0_u64, 0_u64, 0_u64) } != 0 {
            break; // EINVAL: past the last capability this kernel knows; EPERM: not allowed
        }
    }
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn clear_capabilities() -> Result<(), Errno> {
    const VERSION_3: u32 = 0x2008_0522; // linux/capability.h: two data words, 64 bits per set
    let header = CapabilityHeader { version: VERSION_3, pid: 0 };
    let data = [CapabilityData::default(); 2];
    // SAFETY: both pointers are to live values of the layout of linux/capability.h; version 3 reads exactly two data items.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::{child_for_test, needs_root};

    #[test]
    fn a_user_is_become_for_good_with_its_groups() {
        needs_root();
        let code = child_for_test(|| {
            set_groups(&[20_009, 20_001, 20_005]).expect("groups");
            if become_user(20_001, 20_001, &[20_005, 20_009], 1 << 7).is_err() {
                return 1;
            }
            let bounding = Status::read().expect("status").capabilities.bounding;
            u8::from(groups().expect("groups") != [20_001, 20_005, 20_009] || bounding != 1 << 7)
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn root_and_unexpected_groups_are_refused() {
        assert!(matches!(become_user(0, 5, &[], 0), Err(BecomeError::Root)));
        assert!(matches!(become_user(5, 0, &[], 0), Err(BecomeError::Root)));
        needs_root();
        let code = child_for_test(|| {
            set_groups(&[0, 20_005]).expect("groups");
            u8::from(!matches!(
                become_user(20_001, 20_001, &[20_005], 0),
                Err(BecomeError::Differ { what: "groups", .. })
            ))
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn nobody_becomes_another_without_privilege() {
        needs_root();
        let code = child_for_test(|| {
            set_groups(&[]).expect("groups");
            become_user(20_001, 20_001, &[], 0).expect("the first");
            let other = become_user(20_002, 20_001, &[], 0);
            let own = become_user(20_001, 20_001, &[], 0);
            u8::from(!matches!(other, Err(BecomeError::Set { what: "uid", .. })) || own.is_err())
        });
        assert_eq!(code, 0);
    }
}
