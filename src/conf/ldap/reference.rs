//! The reference of `ldap.conf` and its sample; called by `generate` only.

use std::fmt::Write as _;

use crate::option::FileKind;

/// `docs/options/ldap.md`; `entry` writes one option.
pub(crate) fn page(generated: &str, entry: fn(&mut String, &crate::Opt)) -> String {
    let mut out = format!("{generated}\n\n# ldap.conf\n\n{HEAD}");
    for group in FileKind::Ldap.groups() {
        let _ = write!(out, "\n## {}\n", group.title);
        group.rows.iter().for_each(|opt| entry(&mut out, opt));
    }
    out
}

const HEAD: &str = "Directories that check passwords, with `auth-ldap=1` in [portcullis.conf](portcullis.md). One section `[name]` each; they are tried in
their order until one proves the password. Names that are in two directories are so told apart by the password; give one of the two sections an
`account-prefix`, because two people can't have one account of the machine.

A section's name is part of who somebody is: a section that gets another name has other people in it.

```ini
[company]
server-address=ldap.example.com:389
start-tls=1
ca-file=/etc/rstudio/company-ca.pem
bind-dn=cn=portcullis,ou=services,dc=example,dc=com
bind-password-file=/etc/rstudio/ldap-password
user-search-base=ou=people,dc=example,dc=com
user-object-class=inetOrgPerson
username-attribute=uid
unique-id-attribute=entryUUID
group-search-base=ou=groups,dc=example,dc=com
group-object-class=groupOfNames
group-name-attribute=cn
permitted-login-group=cn=analysts,ou=groups,dc=example,dc=com
```

Active Directory:

```ini
[corp]
server-address=dc1.corp.example.com
tls=1
ca-file=/etc/rstudio/corp-ca.pem
bind-dn=portcullis@corp.example.com
bind-password-file=/etc/rstudio/corp-password
user-search-base=dc=corp,dc=example,dc=com
user-object-class=user
user-filter=(&(objectClass=user)(!(objectClass=computer)))
username-attribute=sAMAccountName
unique-id-attribute=objectGUID
group-search-base=dc=corp,dc=example,dc=com
group-object-class=group
group-unique-id-attribute=objectGUID
group-name-attribute=cn
```

What holds for every directory:

- An empty password is refused before anything is sent: directories take it as a bind as nobody, which succeeds.
- Names are escaped in filters (RFC 4515) and DNs (RFC 4514). A search that finds more than one person proves nobody.
- Referrals are not followed, aliases not resolved, groups in groups not looked into.
- TLS is checked against `ca-file` or the machine's authorities, the host's name included.
- Somebody in more than 1,024 groups is refused: a shortened list could lack the group that restricts.
- Unknown name, wrong password, expired, locked and not permitted look alike in the browser; the audit log says which it was.
";

/// `etc/ldap.conf`.
pub(crate) const SAMPLE: &str =
    "# ldap.conf: directories that check passwords, with auth-ldap=1 in portcullis.conf.
# One section [name] each, tried in their order; docs/options/ldap.md has all about them.

#[company]
#server-address=ldap.example.com:389
#start-tls=1
#bind-dn=cn=portcullis,ou=services,dc=example,dc=com
#bind-password-file=/etc/rstudio/ldap-password
#user-search-base=ou=people,dc=example,dc=com
#user-object-class=inetOrgPerson
#username-attribute=uid
#unique-id-attribute=entryUUID
";
