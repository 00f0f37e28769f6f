//! Names and filters: what somebody typed becomes part of a filter or a DN here, and nowhere else.

use ldap3::{dn_escape, ldap_escape};
use portcullis_model::proof::Failure;

/// Whether a typed name may go anywhere near a directory.
///
/// A `/` is refused as RStudio Connect does: it would mean something else in an address. Everything else that a filter or a DN
/// could take for syntax is escaped, not refused.
pub(super) fn check(user: &str) -> Result<(), Failure> {
    let wrong = user.trim().is_empty() || user.chars().any(|c| c.is_control() || c == '/');
    if wrong { Err(Failure::BadName) } else { Ok(()) }
}

/// The filter that finds a person by name.
pub(super) fn user_filter(people: &str, attribute: &str, user: &str) -> String {
    format!("(&{people}({attribute}={}))", ldap_escape(user))
}

/// The filter that finds a person by the unique id; every byte is escaped, because it may be any.
pub(super) fn unique_filter(people: &str, attribute: &str, unique: &[u8]) -> String {
    let value: String = unique.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(&{people}({attribute}={value}))")
}

/// The filter that finds a person who was bound by a principal's name of Active Directory. Two entries, one with that principal
/// and one with that name, are two people: then nobody is proven.
pub(super) fn principal_filter(people: &str, attribute: &str, principal: &str, user: &str) -> String {
    format!("(&{people}(|(userPrincipalName={})({attribute}={})))", ldap_escape(principal), ldap_escape(user))
}

/// The filter that finds a person's groups.
pub(super) fn group_filter(groups: &str, dn: &str, user: &str) -> String {
    let (dn, user) = (ldap_escape(dn), ldap_escape(user));
    format!("(&{groups}(|(member={dn})(uniqueMember={dn})(memberUid={user})))")
}

/// What a person is bound as without a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Template {
    /// A DN with `{user}` in it.
    Dn(String),
    /// `{user}@domain` or `DOMAIN\{user}`, which Active Directory takes.
    Principal(String),
}

impl Template {
    /// From the option; empty: as RStudio Connect makes it.
    pub(super) fn new(text: &str, attribute: &str, base: &str) -> Self {
        if text.is_empty() {
            return Self::Dn(format!("{attribute}={{user}},{base}"));
        }
        let dn = portcullis_model::dn::normalised(&text.replace("{user}", "x")).is_some();
        if dn { Self::Dn(text.to_owned()) } else { Self::Principal(text.to_owned()) }
    }

    /// With a name in it.
    pub(super) fn fill(&self, user: &str) -> Result<String, Failure> {
        match self {
            Self::Dn(template) => Ok(template.replace("{user}", &dn_escape(user))),
            // There is no way to escape in these; what would begin another domain is no name.
            Self::Principal(_) if user.contains(['@', '\\', '"', ',', '=']) => Err(Failure::BadName),
            Self::Principal(template) => Ok(template.replace("{user}", user)),
        }
    }
}

/// The name that the account is called by: the directory's own spelling, the same one at each sign-in.
///
/// Of several values it is the one in the entry's DN, else the first of them in their order as text.
pub(super) fn canonical(dn: &str, attribute: &str, values: &[String]) -> Option<String> {
    let in_dn = |value: &&String| {
        let of = format!("{attribute}={},", dn_escape(value.as_str()));
        let rest = dn.split_once(',').map_or("", |(_, rest)| rest);
        portcullis_model::dn::same(&format!("{of}{rest}"), dn)
    };
    values.iter().find(in_dn).or_else(|| values.iter().min()).filter(|name| check(name).is_ok()).cloned()
}

#[cfg(test)]
mod tests {
    use ldap3::asn1::{ASNTag, PL, StructureTag};
    use portcullis_model::dn;

    use super::*;

    /// Names that try to be something else (attacks Z04), and ones that are hard to carry.
    const NAMES: &[&str] = &[
        "kim",
        "*",
        "k*m",
        "a)(uid=*",
        "a)(|(uid=*",
        "*)(objectClass=*",
        "kim)(&",
        "\\00",
        "\\2a",
        "kim\\",
        ")(|(password=*))",
        "kim,ou=admins",
        "kim+uid=root",
        "uid=root",
        "\"kim\"",
        "<kim>",
        "#kim",
        " kim",
        "kim ",
        "kim;dc=b",
        "jürgen",
        "Ки́м",
        "金",
        "ｋｉｍ",
        "kim\u{202e}mik",
        "'; drop table",
        "(cn=*)",
        "&(a=b)",
        "!",
        "=",
    ];

    /// The leaves of a filter as ldap3 encodes it: attribute and asserted value; other kinds of leaves by their tag alone. None
    /// when it isn't a filter.
    fn leaves(filter: &str) -> Option<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        walk(&ASNTag::into_structure(ldap3::parse_filter(filter).ok()?), &mut found);
        Some(found)
    }

    fn walk(tag: &StructureTag, found: &mut Vec<(String, Vec<u8>)>) {
        match (tag.id, &tag.payload) {
            // and, or, not
            (0..=2, PL::C(parts)) => parts.iter().for_each(|part| walk(part, found)),
            // equality
            (3, PL::C(parts)) => match &parts[..] {
                [StructureTag { payload: PL::P(name), .. }, StructureTag { payload: PL::P(value), .. }] => {
                    found.push((String::from_utf8_lossy(name).into_owned(), value.clone()));
                }
                _ => found.push(("no equality".into(), Vec::new())),
            },
            (id, _) => found.push((format!("leaf {id}"), Vec::new())),
        }
    }

    /// Whatever the name is: the filter has the leaves it was written with, and the value asked for is the name.
    #[test]
    fn no_name_changes_a_filter() {
        const PEOPLE: &str = "(objectClass=person)";
        for name in NAMES {
            let leaf = |attribute: &str, value: &[u8]| (attribute.to_owned(), value.to_vec());
            let people = leaf("objectClass", b"person");
            let wanted = vec![people.clone(), leaf("uid", name.as_bytes())];
            assert_eq!(leaves(&user_filter(PEOPLE, "uid", name)), Some(wanted), "{name}");
            let group = group_filter(PEOPLE, &format!("uid={name},dc=a"), name);
            let dn = format!("uid={name},dc=a").into_bytes();
            let wanted = vec![
                people.clone(),
                leaf("member", &dn),
                leaf("uniqueMember", &dn),
                leaf("memberUid", name.as_bytes()),
            ];
            assert_eq!(leaves(&group), Some(wanted), "{name}");
            let wanted = vec![people.clone(), leaf("userPrincipalName", &dn), leaf("uid", name.as_bytes())];
            let principal = principal_filter(PEOPLE, "uid", &format!("uid={name},dc=a"), name);
            assert_eq!(leaves(&principal), Some(wanted), "{name}");
            let unique = unique_filter(PEOPLE, "entryUUID", name.as_bytes());
            let wanted = vec![people, leaf("entryUUID", name.as_bytes())];
            assert_eq!(leaves(&unique), Some(wanted), "{name}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(leaves(&unique_filter(PEOPLE, "a", &all)).map(|leaves| leaves[1].1.clone()), Some(all));
    }

    /// Without the escaping some of them would: the test sees it.
    #[test]
    fn unescaped_names_do_change_a_filter() {
        let changed = |name: &&&str| {
            let wanted =
                vec![("objectClass".into(), b"person".to_vec()), ("uid".into(), name.as_bytes().to_vec())];
            leaves(&format!("(&(objectClass=person)(uid={name}))")) != Some(wanted)
        };
        assert!(NAMES.iter().filter(changed).count() > 8);
        assert!(!changed(&&"kim"));
    }

    /// Whatever the name is, a DN made of it is the entry of that name below the base.
    #[test]
    fn no_name_changes_a_dn() {
        let template = Template::new("", "uid", "ou=people,dc=a");
        for name in NAMES.iter().filter(|name| !name.trim().is_empty()) {
            let filled = template.fill(name).expect("a DN");
            let hex: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
            let wanted = format!("uid={hex},ou=people,dc=a");
            assert!(dn::normalised(&wanted).is_some(), "{name}");
            assert!(dn::same(&filled, &wanted), "{name}: {filled}");
        }
        assert!(!dn::same(
            "uid=kim,ou=admins,ou=people,dc=a",
            &template.fill("kim,ou=admins").expect("a DN")
        ));
    }

    #[test]
    fn principals_have_one_domain() {
        let template = Template::new("{user}@example.com", "sAMAccountName", "dc=a");
        assert_eq!(template, Template::Principal("{user}@example.com".into()));
        assert_eq!(template.fill("kim").as_deref(), Ok("kim@example.com"));
        for name in ["kim@evil.test", "OTHER\\kim", "kim\"", "cn=kim", "a,b"] {
            assert_eq!(template.fill(name), Err(Failure::BadName), "{name}");
        }
        assert_eq!(
            Template::new("EXAMPLE\\{user}", "uid", "dc=a").fill("kim").as_deref(),
            Ok("EXAMPLE\\kim")
        );
    }

    #[test]
    fn names_that_are_none_are_refused_before_any_traffic() {
        for name in ["", " ", "a/b", "a\0b", "a\nb", "\u{7f}"] {
            assert_eq!(check(name), Err(Failure::BadName), "{name:?}");
        }
        for name in NAMES.iter().filter(|name| !name.contains('/')) {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn accounts_are_called_as_the_directory_calls_them() {
        let of = |dn: &str, values: &[&str]| {
            canonical(dn, "uid", &values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of("uid=Kim,ou=p,dc=a", &["kim2", "kim"]).as_deref(), Some("kim"));
        assert_eq!(of("cn=Kim Ng,ou=p,dc=a", &["kng", "kim"]).as_deref(), Some("kim"));
        assert_eq!(of("cn=Kim,dc=a", &["a/b"]), None);
        assert_eq!(of("cn=Kim,dc=a", &[]), None);
    }
}
