//! Options of `portcullis.conf` about roles.

use crate::option::options;
use crate::value::{Bool, DefaultRoleWord, GroupLines, MappingWord, RoleWord};

options! {
    /// Which role an account has, and what for.
    Roles, "Roles";

    /// Role of an account that nothing else says a role of; the first account is an administrator.
    "default-user-role" default_user_role: DefaultRoleWord = "viewer", Hup,
        "as Posit Connect: the least";
    /// What roles are taken from: `groups` of the person, or an `attribute`; `off` for none.
    ///
    /// The attribute is the one that ldap.conf or auth-saml-role-attribute names. When it is not off, people can't give roles. It is worked out anew at each sign-in and each look at memberships.
    "user-role-mapping" user_role_mapping: MappingWord = "off", Hup,
        "people give roles";
    /// Group (or value of the attribute) that makes a viewer.
    ///
    /// A name, a distinguished name, or a unique id in base64.
    "viewer-role-groups" viewer_role_groups: GroupLines = "", Hup,
        "no group is known";
    /// Group (or value of the attribute) that makes a publisher.
    "publisher-role-groups" publisher_role_groups: GroupLines = "", Hup,
        "no group is known";
    /// Group (or value of the attribute) that makes an administrator.
    "administrator-role-groups" administrator_role_groups: GroupLines = "", Hup,
        "no group is known";
    /// When several match, give the least role instead of the greatest.
    "user-role-mapping-restrictive" user_role_mapping_restrictive: Bool = "0", Hup,
        "as Posit Connect: who is in the administrators' group is one, in whatever others too";
    /// Least role that may start sessions.
    "session-minimum-role" session_minimum_role: RoleWord = "viewer", Hup,
        "everybody who may sign in, as before there were roles";
    /// Let administrators by role act at `/admin`, as members of admin-superuser-group do.
    "admin-by-role" admin_by_role: Bool = "0", Hup,
        "who looks after people need not look into their sessions";
}
