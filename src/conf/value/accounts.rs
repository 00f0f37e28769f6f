//! Kinds of values about accounts: the form, roles, factors, the database.

use portcullis_model::account::Role;
use portcullis_model::factor::FactorKind;
use portcullis_model::role_rule::Mapping;

use super::{Bad, Each, Text, Value, one_of};

/// Whether the sign-in page has a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormWanted {
    /// When there is no other way in, as Workbench does.
    Auto,
    /// Beside other ways too.
    On,
    /// Never.
    Off,
}

/// A word for [`FormWanted`].
#[derive(Debug)]
pub struct FormWord;

impl Value for FormWord {
    type Out = FormWanted;

    fn words() -> String {
        "`auto`, `0` or `1`".into()
    }

    fn parse(text: &str) -> Result<FormWanted, Bad> {
        one_of(text, &[("auto", FormWanted::Auto), ("1", FormWanted::On), ("0", FormWanted::Off)])
    }
}

/// A role.
#[derive(Debug)]
pub struct RoleWord;

impl Value for RoleWord {
    type Out = Role;

    fn words() -> String {
        "`viewer`, `publisher` or `administrator`".into()
    }

    fn parse(text: &str) -> Result<Role, Bad> {
        one_of(text, &Role::ALL.map(|role| (role.word(), role)))
    }
}

/// A role that may be given without asking.
#[derive(Debug)]
pub struct DefaultRoleWord;

impl Value for DefaultRoleWord {
    type Out = Role;

    fn words() -> String {
        "`viewer` or `publisher`".into()
    }

    fn parse(text: &str) -> Result<Role, Bad> {
        one_of(text, &[("viewer", Role::Viewer), ("publisher", Role::Publisher)])
    }
}

/// What decides over roles.
#[derive(Debug)]
pub struct MappingWord;

impl Value for MappingWord {
    type Out = Mapping;

    fn words() -> String {
        "`off`, `groups` or `attribute`".into()
    }

    fn parse(text: &str) -> Result<Mapping, Bad> {
        one_of(text, &[("off", Mapping::Off), ("groups", Mapping::Groups), ("attribute", Mapping::Attribute)])
    }
}

/// Names of groups, one a line: distinguished names have commas in them.
pub type GroupLines = Each<Text>;

/// Kinds of second factors that people may enrol.
#[derive(Debug)]
pub struct FactorKinds;

impl Value for FactorKinds {
    type Out = Vec<FactorKind>;

    fn words() -> String {
        "`totp` and `passkey`, separated by `,`".into()
    }

    fn parse(text: &str) -> Result<Vec<FactorKind>, Bad> {
        let kind = |word| one_of(word, &[("totp", FactorKind::Totp), ("passkey", FactorKind::Passkey)]);
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(kind).collect()
    }
}

/// Where browsers have this server, as they write it in `Origin`; or nothing.
#[derive(Debug)]
pub struct Origin;

impl Value for Origin {
    type Out = Option<String>;

    fn words() -> String {
        "`https://` and a name of this server, perhaps with a port; or empty".into()
    }

    fn parse(text: &str) -> Result<Option<String>, Bad> {
        if text.is_empty() {
            return Ok(None);
        }
        let bad = |hint| Err(Bad::with(format!("`{text}` is no origin that passkeys can be bound to"), hint));
        let Some((scheme @ ("https" | "http"), rest)) = text.split_once("://") else {
            return bad("it begins with https://");
        };
        let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
        if port.is_some_and(|port| port.starts_with(['0', '+']) || port.parse::<u16>().is_err()) {
            return bad("a name and perhaps a port, nothing behind them");
        }
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(good);
        let numbers = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        if !host.split('.').all(label) || host.rsplit('.').next().is_some_and(numbers) {
            return bad("a name in lower case, no address: browsers bind passkeys to names");
        }
        match scheme {
            "http" if host != "localhost" => bad("without TLS there are no passkeys but on localhost"),
            _ => Ok(Some(text.to_owned())),
        }
    }
}

/// Lengths of prefixes, from the longest to the shortest.
#[derive(Debug)]
pub struct Prefixes;

impl Value for Prefixes {
    type Out = Vec<u8>;

    fn words() -> String {
        "lengths from 128 down to 16, separated by `,`".into()
    }

    fn parse(text: &str) -> Result<Vec<u8>, Bad> {
        let hint = "write lengths that get shorter, such as 64, 56, 48";
        let bad = || Bad::with(format!("`{text}` is not a list of lengths of prefixes"), hint);
        let length =
            |part: &str| part.parse::<u8>().ok().filter(|bits| (16..=128).contains(bits)).ok_or_else(bad);
        let lengths: Vec<u8> = text.split(',').map(str::trim).map(length).collect::<Result<_, _>>()?;
        if lengths.is_sorted_by(|a, b| a > b) { Ok(lengths) } else { Err(bad()) }
    }
}

/// Declares a kind of value that is one of a few words, each a value of its own.
macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $name:ident, $(#[doc = $kind_doc:literal])+ $kind:ident {
        $($(#[doc = $word_doc:literal])+ $variant:ident = $word:literal,)+ })*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $word_doc])+ $variant,)+ }

        $(#[doc = $kind_doc])+
        #[derive(Debug)]
        pub struct $kind;

        impl Value for $kind {
            type Out = $name;

            fn words() -> String {
                [$(concat!("`", $word, "`")),+].join(", ")
            }

            fn parse(text: &str) -> Result<$name, Bad> {
                one_of(text, &[$(($word, $name::$variant)),+])
            }
        }
    )*};
}

choices! {
    /// What happens to sessions when their owner's groups restrict more than before.
    MembershipChange,
    /// A word for [`MembershipChange`].
    MembershipChangeWord {
        /// They end after a warning, because the kernel's part of a running one can't be made stricter.
        End = "end",
        /// The proxy restricts them, and the home page says what the kernel doesn't hold.
        Restrict = "restrict",
    }
    /// What keeps the accounts.
    DatabaseProvider,
    /// A word for [`DatabaseProvider`].
    DatabaseProviderWord {
        /// A file of this machine.
        Sqlite = "sqlite",
        /// A server that machines share.
        Postgresql = "postgresql",
    }
    /// What of a connection to the database is encrypted and verified.
    OptionalSslMode,
    /// A word for [`OptionalSslMode`], or nothing.
    OptionalSslModeWord {
        /// What the host asks for.
        ByHost = "",
        /// Nothing.
        Disable = "disable",
        /// Encrypted, whoever answers.
        Require = "require",
        /// Encrypted, and an authority vouches for who answers.
        VerifyCa = "verify-ca",
        /// The same, and it is the host that was asked for.
        VerifyFull = "verify-full",
    }
    /// Who changes a person's name and address, where no provider governs them.
    EditableBy,
    /// A word for [`EditableBy`].
    EditableByWord {
        /// The person, and administrators.
        AdminAndSelf = "admin-and-self",
        /// Administrators.
        Admin = "admin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_lists() {
        assert_eq!(Prefixes::parse("64, 56,48"), Ok(vec![64, 56, 48]));
        for bad in ["", "48,56", "64,64", "129", "8", "a"] {
            assert!(Prefixes::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(FactorKinds::parse("totp, passkey"), Ok(vec![FactorKind::Totp, FactorKind::Passkey]));
        assert_eq!(FactorKinds::parse(""), Ok(vec![]));
        assert!(FactorKinds::parse("recovery").is_err());
        for good in ["https://r.example.test", "https://r:8443", "http://localhost:8787"] {
            assert_eq!(Origin::parse(good), Ok(Some(good.to_owned())));
        }
        for bad in [
            "r.test",
            "https://R.test",
            "https://r.test/",
            "https://192.0.2.1",
            "http://r.test",
            "https://r:0",
            "https://",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Origin::parse(""), Ok(None));
        assert!(DefaultRoleWord::parse("administrator").is_err());
        assert_eq!(RoleWord::parse("administrator"), Ok(Role::Administrator));
    }
}
