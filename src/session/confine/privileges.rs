//! With `allow-sudo`, what root may be inside a session: set-user-ID programs gain these capabilities and no others, ever.
//!
//! Root of the machine can undo anything that confines a session; these are what installing packages and working as another
//! account take. None of them reaches the kernel itself, its audit system, the network's setup, devices, or the limits.

/// Numbers as in `linux/capability.h`, each with what it is for.
const KEPT: &[(u8, &str)] = &[
    (0, "CAP_CHOWN: files of packages belong to others"),
    (1, "CAP_DAC_OVERRIDE: writing below /usr, where no other rule forbids it"),
    (3, "CAP_FOWNER: modes of files of others"),
    (4, "CAP_FSETID: set-user-ID bits of packages survive a change of owner"),
    (5, "CAP_KILL: ending what was started as another account"),
    (6, "CAP_SETGID: becoming another account"),
    (7, "CAP_SETUID: becoming another account"),
    (8, "CAP_SETPCAP: giving up more of these"),
    (10, "CAP_NET_BIND_SERVICE: ports below 1024"),
    (29, "CAP_AUDIT_WRITE: sudo and PAM say in the audit log what they did"),
    (31, "CAP_SETFCAP: capabilities of packages' files, of which no others take effect here"),
];

/// They as bits: none without `privileges`.
pub(crate) fn kept(privileges: bool) -> u64 {
    if privileges { KEPT.iter().fold(0, |bits, (number, _)| bits | 1 << number) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_unless_allowed_and_never_the_kernel() {
        assert_eq!(kept(false), 0);
        // DAC_READ_SEARCH, NET_ADMIN, SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN, SYS_RESOURCE, MKNOD, AUDIT_CONTROL, BPF
        for number in [2, 12, 16, 17, 19, 21, 24, 27, 30, 39] {
            assert_eq!(kept(true) & 1 << number, 0, "{number}");
        }
        assert_ne!(kept(true) & 1 << 7, 0, "sudo");
    }
}
