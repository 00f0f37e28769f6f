//! Options of `portcullis.conf` about groups that change while somebody is signed in.

use crate::option::options;
use crate::value::{Bool, Int, MembershipChangeWord};

options! {
    /// Whose groups count, and how often they are looked at.
    Membership, "Memberships";

    /// Let a provider's groups count as this machine's groups do.
    ///
    /// For flags, profiles and administrators; for roles they always count.
    "provider-groups" provider_groups: Bool = "0", Hup,
        "a group `wheel` at a provider is not this machine's `wheel`, unless its administrator says so";
    /// Minutes between two looks at who is a member of what.
    ///
    /// Changes of /etc/passwd, /etc/group and /etc/shadow are seen at once.
    "membership-update-interval" membership_update_interval: Int<1, 525600> = "240", Hup,
        "as Posit Connect: a directory is asked six times a day for everybody who is signed in";
    /// What happens to sessions that would be restricted more now: `end` after a warning, or `restrict`.
    ///
    /// With `restrict` the server refuses from then on, and the kernel's part stays as it was when the session started.
    "membership-change" membership_change: MembershipChangeWord = "end", Hup,
        "the kernel's rules of a running session can't be made stricter";
}
