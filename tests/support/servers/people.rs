//! Who is in the directories: one of each kind that a sign-in has to cope with.

use super::ldif::{entry, in_name, line};
use super::slapd::{READER_PASSWORD, Setup};

/// Whether a person may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// With the right password, yes.
    Good,
    /// Locked by an administrator (`pwdAccountLockedTime` of the year 0).
    Locked,
    /// The password is too old, and no grace is left.
    Expired,
    /// The password must be changed at the next sign-in (`pwdReset`).
    Reset,
}

/// One person.
#[derive(Debug, Clone)]
pub struct Person {
    /// `uid`, the name typed in.
    pub uid: String,
    /// First name.
    pub given: String,
    /// Last name.
    pub surname: String,
    /// Her password.
    pub password: String,
    /// `uidNumber`, also of the primary group.
    pub number: u32,
    /// Whether she may come in.
    pub standing: Standing,
}

impl Person {
    /// Somebody whom nothing ails.
    pub fn new(uid: &str, given: &str, surname: &str, password: &str, number: u32) -> Self {
        let [uid, given, surname, password] = [uid, given, surname, password].map(str::to_owned);
        Self { uid, given, surname, password, number, standing: Standing::Good }
    }

    fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }
}

/// Everybody in `dc=example,dc=test`.
pub fn people() -> Vec<Person> {
    vec![
        Person::new("lena", "Lena", "Ldap", "Lena-Pass-1", 30_001),
        // In as many groups of each kind as the setup says.
        Person::new("many", "Mandy", "Member", "Many-Pass-1", 30_002),
        Person::new("locked", "Lou", "Locked", "Locked-Pass-1", 30_003).standing(Standing::Locked),
        Person::new("expired", "Esther", "Expired", "Expired-Pass-1", 30_004).standing(Standing::Expired),
        Person::new("renewed", "Rene", "Renewed", "Renewed-Pass-1", 30_005).standing(Standing::Reset),
        // In no group at all.
        Person::new("lonely", "Lonny", "Lonely", "Lonely-Pass-1", 30_006),
        Person::new("jürgen", "Jürgen", "Groß", "Jürgen-Paß-1", 30_007),
        Person::new("李娜", "娜", "李", "李娜-Pass-1", 30_008),
        // What a filter or a name takes for its own.
        Person::new("o'neil", "Sean", "O'Neil", "Neil-Pass-1", 30_009),
        Person::new("star*", "Stella", "Star", "Star-Pass-1", 30_010),
        Person::new("paren(s)", "Paul", "Paren", "Paren-Pass-1", 30_011),
        Person::new("comma,plus+", "Carl", "Comma", "Comma-Pass-1", 30_012),
        Person::new("back\\slash", "Bea", "Slash", "Slash-Pass-1", 30_013),
        Person::new("Upper.Case", "Uta", "Upper", "Upper-Pass-1", 30_014),
    ]
}

/// Everybody in `dc=other,dc=test`: one name that the first directory has too.
pub fn others() -> Vec<Person> {
    vec![
        Person::new("lena", "Lena", "Other", "Other-Pass-1", 31_001),
        Person::new("omar", "Omar", "Other", "Omar-Pass-1", 31_002),
    ]
}

/// The name of somebody's entry.
pub fn name_of(uid: &str, suffix: &str) -> String {
    format!("uid={},ou=people,{suffix}", in_name(uid))
}

/// Somebody's entry.
pub fn entry_of(person: &Person, suffix: &str) -> String {
    let number = person.number.to_string();
    let full = format!("{} {}", person.given, person.surname);
    let (mail, home) = (format!("{number}@example.test"), format!("/home/{}", person.uid));
    let mut text = entry(
        &name_of(&person.uid, suffix),
        &[
            ("objectClass", "inetOrgPerson"),
            ("objectClass", "posixAccount"),
            ("uid", &person.uid),
            ("cn", &full),
            ("givenName", &person.given),
            ("sn", &person.surname),
            ("mail", &mail),
            ("uidNumber", &number),
            ("gidNumber", &number),
            ("homeDirectory", &home),
            ("loginShell", "/bin/bash"),
            ("userPassword", &person.password),
        ],
    );
    text.pop();
    // draft-behera-ldap-password-policy, 5.3
    match person.standing {
        Standing::Good => {}
        Standing::Locked => text.push_str(&line("pwdAccountLockedTime", "000001010000Z")),
        Standing::Reset => text.push_str(&line("pwdReset", "TRUE")),
        Standing::Expired => {
            text.push_str(&line("pwdPolicySubentry", &format!("cn=short,ou=policies,{suffix}")));
            text.push_str(&line("pwdChangedTime", "20200101000000Z"));
        }
    }
    text + "\n"
}

/// What is there before the directory starts: all but the groups that memberOf is kept from.
pub(super) fn tree(setup: &Setup) -> String {
    let suffix = &setup.suffix;
    let dc = suffix.trim_start_matches("dc=").split(',').next().unwrap_or_default();
    let mut text = entry(
        suffix,
        &[("objectClass", "dcObject"), ("objectClass", "organization"), ("dc", dc), ("o", "Example")],
    );
    for unit in ["people", "services", "groups", "roles", "policies"] {
        text +=
            &entry(&format!("ou={unit},{suffix}"), &[("objectClass", "organizationalUnit"), ("ou", unit)]);
    }
    text += &entry(
        &format!("cn=reader,ou=services,{suffix}"),
        &[
            ("objectClass", "applicationProcess"),
            ("objectClass", "simpleSecurityObject"),
            ("cn", "reader"),
            ("userPassword", READER_PASSWORD),
        ],
    );
    let policy = |name: &str, more: &[(&str, &str)]| {
        let always = [
            ("objectClass", "device"),
            ("objectClass", "pwdPolicy"),
            ("cn", name),
            ("pwdAttribute", "userPassword"),
            ("pwdMustChange", "TRUE"),
            // Wrong passwords lock nobody out: tests share these people.
            ("pwdLockout", "TRUE"),
            ("pwdMaxFailure", "0"),
        ];
        entry(&format!("cn={name},ou=policies,{suffix}"), &[&always, more].concat())
    };
    text += &policy("default", &[]);
    text += &policy("short", &[("pwdMaxAge", "86400"), ("pwdGraceAuthNLimit", "0")]);
    for person in &setup.people {
        text += &entry_of(person, suffix);
        text += &posix_group(&person.uid, person.number, &[], suffix);
    }
    text += &posix_group("devs", 40_000, &["lena"], suffix);
    for number in 1..=setup.many {
        text += &posix_group(&format!("team{number:03}"), 40_000 + number, &["many"], suffix);
    }
    text
}

/// The groups that memberOf is kept from, and two with uniqueMember, from which it isn't.
pub(super) fn roles(setup: &Setup) -> String {
    let suffix = &setup.suffix;
    let group = |class: &str, attribute: &str, name: &str, member: &str| {
        let member = name_of(member, suffix);
        let of = [("objectClass", class), ("cn", name), (attribute, member.as_str())];
        entry(&format!("cn={},ou=roles,{suffix}", in_name(name)), &of)
    };
    let names = |name: &str, member: &str| group("groupOfNames", "member", name, member);
    let mut text = names("analysts", "lena");
    text += &names("Größe (alle) *", "lena");
    text += &group("groupOfUniqueNames", "uniqueMember", "portcullis-users", "lena");
    text += &group("groupOfUniqueNames", "uniqueMember", "publishers", "many");
    for number in 1..=setup.many {
        text += &names(&format!("role{number:03}"), "many");
    }
    text
}

fn posix_group(name: &str, number: u32, members: &[&str], suffix: &str) -> String {
    let number = number.to_string();
    let mut of = vec![("objectClass", "posixGroup"), ("cn", name), ("gidNumber", &number)];
    of.extend(members.iter().map(|&member| ("memberUid", member)));
    entry(&format!("cn={},ou=groups,{suffix}", in_name(name)), &of)
}
