//! Names of Kerberos: `user@REALM`, `user/instance@REALM`, as `krb5_unparse_name` writes them, and the rule which of them is a
//! user of this machine.

use thiserror::Error;

/// Longest name looked at, in bytes: a user's name and a realm that is a domain's name, each escaped all through.
pub const NAME_MAX: usize = 1024;

/// Why a name is no user of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrincipalError {
    /// More than [`NAME_MAX`].
    #[error("a name of {0} bytes")]
    TooLong(usize),
    /// It ends in a backslash, or has a second `@` that is not escaped.
    #[error("it is not written as Kerberos writes names")]
    Form,
    /// A control character, escaped or not.
    #[error("it has a control character")]
    Control,
    /// There is no realm.
    #[error("it has no realm")]
    NoRealm,
    /// There is nothing before the realm, or nothing between two slashes.
    #[error("a part of it is empty")]
    Empty,
    /// `user/admin` and `host/name` are other principals than `user`: administrators' second identities, and machines.
    #[error("it has an instance")]
    Instance,
    /// A user's name with a `/` or an `@` of its own: a name service would read a path or another domain.
    #[error("the user's name has a `/` or an `@` in it")]
    Ambiguous,
    /// A realm that is not on the list.
    #[error("its realm {0:?} is not permitted")]
    Realm(String),
}

/// A name in its parts, without escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// What stands before the realm, split at slashes; at least one, none empty.
    pub parts: Vec<String>,
    /// The realm; case counts.
    pub realm: String,
}

impl Principal {
    /// Takes a name apart. Escapes are those of `krb5_parse_name`: `\n`, `\t`, `\b` and `\0` are control characters, any other
    /// character stands for itself.
    ///
    /// # Errors
    /// See [`PrincipalError`].
    pub fn parse(name: &str) -> Result<Self, PrincipalError> {
        if name.len() > NAME_MAX {
            return Err(PrincipalError::TooLong(name.len()));
        }
        let mut parts = vec![String::new()];
        let mut realm: Option<String> = None;
        let mut characters = name.chars();
        while let Some(character) = characters.next() {
            let (character, escaped) = match character {
                '\\' => match characters.next().ok_or(PrincipalError::Form)? {
                    'n' | 't' | 'b' | '0' => return Err(PrincipalError::Control),
                    other => (other, true),
                },
                plain => (plain, false),
            };
            if character.is_control() {
                return Err(PrincipalError::Control);
            }
            match (character, escaped, &mut realm) {
                ('@', false, None) => realm = Some(String::new()),
                ('@', false, Some(_)) => return Err(PrincipalError::Form),
                ('/', false, None) => parts.push(String::new()),
                (_, _, Some(realm)) => realm.push(character),
                (_, _, None) => parts.last_mut().ok_or(PrincipalError::Empty)?.push(character),
            }
        }
        let realm = realm.filter(|realm| !realm.is_empty()).ok_or(PrincipalError::NoRealm)?;
        if parts.iter().any(String::is_empty) {
            return Err(PrincipalError::Empty);
        }
        Ok(Self { parts, realm })
    }
}

/// The user that a name means here: without an instance, of one of the realms. An empty list permits none.
///
/// # Errors
/// See [`PrincipalError`].
pub fn user<S: AsRef<str>>(name: &str, realms: &[S]) -> Result<String, PrincipalError> {
    let Principal { parts, realm } = Principal::parse(name)?;
    // Realms are compared as they are written: `krb5.conf` and tickets know case, and so does whoever makes a realm.
    if !realms.iter().any(|permitted| permitted.as_ref() == realm) {
        return Err(PrincipalError::Realm(realm));
    }
    let [user] = <[String; 1]>::try_from(parts).map_err(|_| PrincipalError::Instance)?;
    if user.contains(['/', '@']) { Err(PrincipalError::Ambiguous) } else { Ok(user) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REALMS: [&str; 2] = ["EXAMPLE.TEST", "OTHER.TEST"];

    #[test]
    fn a_user_of_a_permitted_realm_is_named() {
        for (name, expected) in [
            ("kira@EXAMPLE.TEST", "kira"),
            ("kira@OTHER.TEST", "kira"),
            ("jürgen@EXAMPLE.TEST", "jürgen"),
            (r"ki\ra@EXAMPLE.TEST", "kira"),
            (r"ki\\ra@EXAMPLE.TEST", r"ki\ra"),
            (r"kira@EXAMPLE\.TEST", "kira"),
            ("svc-1.$@EXAMPLE.TEST", "svc-1.$"),
        ] {
            assert_eq!(user(name, &REALMS).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn whatever_else_is_refused_by_its_name() {
        let realm = |realm: &str| PrincipalError::Realm(realm.to_owned());
        for (name, expected) in [
            ("", PrincipalError::NoRealm),
            ("kira", PrincipalError::NoRealm),
            ("kira@", PrincipalError::NoRealm),
            ("@EXAMPLE.TEST", PrincipalError::Empty),
            ("/admin@EXAMPLE.TEST", PrincipalError::Empty),
            ("kira/@EXAMPLE.TEST", PrincipalError::Empty),
            ("kira/admin@EXAMPLE.TEST", PrincipalError::Instance),
            ("HTTP/localhost@EXAMPLE.TEST", PrincipalError::Instance),
            ("a/b/c@EXAMPLE.TEST", PrincipalError::Instance),
            (r"kira\/admin@EXAMPLE.TEST", PrincipalError::Ambiguous),
            (r"kira\@corp@EXAMPLE.TEST", PrincipalError::Ambiguous),
            ("kira@EXAMPLE.TEST@OTHER.TEST", PrincipalError::Form),
            ("kira@EXAMPLE.TEST\\", PrincipalError::Form),
            ("\\", PrincipalError::Form),
            (r"kira\@EXAMPLE.TEST", PrincipalError::NoRealm),
            (r"kira\n@EXAMPLE.TEST", PrincipalError::Control),
            (r"kira\0@EXAMPLE.TEST", PrincipalError::Control),
            ("kira\n@EXAMPLE.TEST", PrincipalError::Control),
            ("kira\\\n@EXAMPLE.TEST", PrincipalError::Control),
            ("ki\0ra@EXAMPLE.TEST", PrincipalError::Control),
            ("kira@example.test", realm("example.test")),
            ("kira@EXAMPLE.TEST.EVIL.TEST", realm("EXAMPLE.TEST.EVIL.TEST")),
            ("kira@EXAMPLE.TEST/x", realm("EXAMPLE.TEST/x")),
            ("kira@ EXAMPLE.TEST", realm(" EXAMPLE.TEST")),
            ("WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS", realm("WELLKNOWN:ANONYMOUS")),
        ] {
            assert_eq!(user(name, &REALMS), Err(expected), "{name:?}");
        }
        assert_eq!(user("kira@EXAMPLE.TEST", &[] as &[&str]), Err(realm("EXAMPLE.TEST")));
        assert_eq!(user(&"x".repeat(1025), &REALMS), Err(PrincipalError::TooLong(1025)));
    }

    /// What is taken apart and escaped again is the same name: no two names become one.
    #[test]
    fn the_parts_say_all_of_the_name() {
        for name in ["a@R", "a/b@R", r"a\/b/c\@d@R/S", r"\\@R", r"a b@R\@S"] {
            let principal = Principal::parse(name).expect(name);
            let escape = |text: &str| text.replace('\\', r"\\").replace('/', r"\/").replace('@', r"\@");
            let parts: Vec<_> = principal.parts.iter().map(|part| escape(part)).collect();
            let again = format!("{}@{}", parts.join("/"), escape(&principal.realm));
            assert_eq!(Principal::parse(&again), Ok(principal), "{name} as {again}");
        }
    }
}
