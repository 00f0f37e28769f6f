//! Options of a section of `ldap.conf`: one directory each.

use crate::ldap::{Address, Dn, Filter, GroupSearch, GroupSearchWord, Name, NamePrefix};
use crate::option::options;
use crate::value::{Bool, Each, Int, OptionalPath, Text};

options! {
    /// A directory.
    Directory, "Options of a section";

    /// Host and port of the directory.
    ///
    /// Without a port it is 389, with `tls=1` 636. An IPv6 address stands in brackets. The certificate must name the host as it
    /// is written here.
    "server-address" server_address: Address = "", Hup,
        "nobody can guess it";
    /// TLS from the first byte (ldaps).
    "tls" tls: Bool = "0", Hup,
        "as RStudio Connect; without it and start-tls, insecure=1 must be said";
    /// TLS by StartTLS on the plain port.
    ///
    /// A directory that refuses it is not used: nothing is sent without TLS instead.
    "start-tls" start_tls: Bool = "0", Hup,
        "as RStudio Connect; without it and tls, insecure=1 must be said";
    /// PEM file with the certificates of authorities that may sign the directory's.
    ///
    /// Given, only these count; empty: those of the machine.
    "ca-file" ca_file: OptionalPath = "", Hup,
        "the machine's own list of authorities";
    /// Whether passwords may go to a directory unchecked: without TLS, or with any certificate.
    ///
    /// For tests only: whoever is on the way reads every password.
    "insecure" insecure: Bool = "0", Hup,
        "a password that others read is nobody's password";
    /// DN of the service account that searches; Active Directory also takes `name@domain`.
    ///
    /// With it, or with anonymous-bind=1, a person is searched for first and bound as second (double bind). Without both, the
    /// person's DN is made by user-dn-template (single bind), and groups are read with the person's own rights, at sign-in only.
    "bind-dn" bind_dn: Text = "", Hup,
        "a directory may be asked with the person's own rights";
    /// File with the service account's password in its first line.
    ///
    /// It must be root's, and nobody else's to read (0600).
    "bind-password-file" bind_password_file: OptionalPath = "", Hup,
        "a password in this file would be seen by all who may read it";
    /// Whether people are searched for without a service account.
    "anonymous-bind" anonymous_bind: Bool = "0", Hup,
        "directories that anybody may search are rare";
    /// Single bind: the DN to bind as, with `{user}` for the name.
    ///
    /// Active Directory takes `{user}@example.com` too. Empty: the username-attribute, `=`, the name, `,` and the user-search-base. In a DN the name is escaped.
    "user-dn-template" user_dn_template: Text = "", Hup,
        "as RStudio Connect makes it";

    /// DN below which people are, at any depth.
    "user-search-base" user_search_base: Dn = "", Hup,
        "nobody can guess it";
    /// Object class of people: `posixAccount`, `inetOrgPerson`, `user`.
    "user-object-class" user_object_class: Name = "", Hup,
        "nobody can guess it";
    /// Filter that people must pass besides, as RFC 4515 writes it.
    ///
    /// In its own parentheses, for example `(&(mail=*)(!(employeeType=guest)))`. It takes the place of the one on
    /// user-object-class.
    "user-filter" user_filter: Filter = "", Hup,
        "the object class says who is a person";
    /// Attribute that names a person for ever, or `DN`.
    ///
    /// `entryUUID` (OpenLDAP), `objectGUID` (Active Directory), `nsUniqueId` (389), `ipaUniqueID` (FreeIPA). With `DN`, a moved or renamed entry is another account.
    "unique-id-attribute" unique_id_attribute: Name = "DN", Hup,
        "as RStudio Connect: every entry has one";
    /// Attribute with the user name: `uid`, `sAMAccountName`.
    ///
    /// The account is named as the directory writes it, whatever was typed.
    "username-attribute" username_attribute: Name = "", Hup,
        "nobody can guess it";
    /// Attribute with the mail address; given, people can't change it here.
    "email-attribute" email_attribute: Name = "", Hup,
        "people enter it themselves";
    /// Attribute with the first name; given, people can't change it here.
    "first-name-attribute" first_name_attribute: Name = "", Hup,
        "people enter it themselves";
    /// Attribute with the last name; given, people can't change it here.
    "last-name-attribute" last_name_attribute: Name = "", Hup,
        "people enter it themselves";
    /// Attribute whose values say the role, with `user-role-mapping=attribute`.
    "role-attribute" role_attribute: Name = "", Hup,
        "roles come from groups or from administrators";

    /// DN below which groups are, at any depth.
    "group-search-base" group_search_base: Dn = "", Hup,
        "without it and group-name-attribute the directory's groups are not asked for";
    /// Object class of groups: `posixGroup`, `groupOfNames`, `groupOfUniqueNames`, `group`.
    "group-object-class" group_object_class: Name = "", Hup,
        "nobody can guess it";
    /// Filter that groups must pass besides, as RFC 4515 writes it.
    ///
    /// It takes the place of the one on group-object-class.
    "group-filter" group_filter: Filter = "", Hup,
        "the object class says what is a group";
    /// Attribute that names a group for ever, or `DN`.
    "group-unique-id-attribute" group_unique_id_attribute: Name = "DN", Hup,
        "as RStudio Connect: every entry has one";
    /// Attribute with a group's name: `cn`.
    "group-name-attribute" group_name_attribute: Name = "", Hup,
        "without it and group-search-base the directory's groups are not asked for";
    /// How a person's groups are found: by asking the groups, or by the person's own `memberOf`.
    ///
    /// `search` looks for groups with the person in `member`, `uniqueMember` (by DN) or `memberUid` (by name). `member-of` reads
    /// the person's attribute and then each group, if they are below group-search-base. Groups in groups are not followed.
    "group-membership" group_membership: GroupSearchWord = "search", Hup,
        "every directory has it; memberOf needs an overlay on some";
    /// Group whose members may sign in: its DN, its name, or its unique id in base64. Empty: everybody.
    "permitted-login-group" permitted_login_group: Each<Text> = "", Hup,
        "whoever is found by user-filter may sign in, if the machine lets them";

    /// What stands before the user name in the Unix account's name.
    ///
    /// For a second directory with the same names in it: `kim` of a section with the prefix `ext-` is the account `ext-kim`.
    "account-prefix" account_prefix: NamePrefix = "", Hup,
        "names are mostly the machine's own";
    /// Whether somebody who signs in for the first time gets an account here.
    ///
    /// With 0, only those sign in whom an administrator added.
    "register-on-first-login" register_on_first_login: Bool = "1", Hup,
        "as RStudio Connect; the machine must know the account anyway";
    /// Whether each step of a sign-in is logged: addresses, DNs, filters, groups, never a password.
    "logging" logging: Bool = "0", Hup,
        "names of people are nobody's business while all works";
    /// Seconds within which the directory must be connected to.
    "connect-timeout-seconds" connect_timeout_seconds: Int<1, 60> = "5", Hup,
        "the next directory should be tried before a person gives up";
    /// Seconds within which each answer must be complete.
    "operation-timeout-seconds" operation_timeout_seconds: Int<1, 120> = "10", Hup,
        "a search that takes longer lacks an index";
}

/// How groups are asked for, said once for those who read the settings.
impl Directory {
    /// Whether the directory's groups are asked for at all.
    pub fn has_groups(&self) -> bool {
        !self.group_name_attribute.is_empty()
            && (!self.group_search_base.is_empty() || self.group_membership == GroupSearch::MemberOf)
    }

    /// Whether people are searched for before they are bound as.
    pub fn double_bind(&self) -> bool {
        self.anonymous_bind || !self.bind_dn.is_empty()
    }
}
