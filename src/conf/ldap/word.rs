//! Kinds of values in `ldap.conf`.

use portcullis_model::dn;

use crate::value::{Bad, Value, one_of};

/// Host and port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPort {
    /// A name or an address, an IPv6 address without brackets; empty when nothing was said.
    pub host: String,
    /// The port, when it was said.
    pub port: Option<u16>,
}

impl HostPort {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.host.is_empty()
    }
}

/// `host`, `host:port`, `[address]:port`.
#[derive(Debug)]
pub struct Address;

impl Value for Address {
    type Out = HostPort;

    fn words() -> String {
        "`host` or `host:port`".into()
    }

    fn parse(text: &str) -> Result<HostPort, Bad> {
        if text.is_empty() {
            return Ok(HostPort::default());
        }
        let wrong = || {
            Bad::with(
                format!("`{text}` is no address"),
                "write `ldap.example.com:389` or `[2001:db8::1]:636`",
            )
        };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
                host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
                let port =
                    if after.is_empty() { None } else { Some(after.strip_prefix(':').ok_or_else(wrong)?) };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(plain) || (host.contains(':') && !text.starts_with('[')) {
            return Err(wrong());
        }
        let port = match port {
            None => None,
            Some(port) => Some(port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)?),
        };
        Ok(HostPort { host: host.to_owned(), port })
    }
}

/// A distinguished name, or nothing.
#[derive(Debug)]
pub struct Dn;

impl Value for Dn {
    type Out = String;

    fn words() -> String {
        "distinguished name".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        if text.is_empty() || dn::normalised(text).is_some() {
            return Ok(text.to_owned());
        }
        Err(Bad::with(
            format!("`{text}` is no distinguished name"),
            "write for example `ou=people,dc=example,dc=com`",
        ))
    }
}

/// Name of an attribute or an object class, or nothing.
#[derive(Debug)]
pub struct Name;

impl Value for Name {
    type Out = String;

    fn words() -> String {
        "name of an attribute or class".into()
    }

    // RFC 4512 1.4: a keystring or a numeric id; options (`;binary`) are not asked for.
    fn parse(text: &str) -> Result<String, Bad> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        let begins = text.chars().next().is_none_or(|c| c.is_ascii_alphanumeric());
        if begins && text.chars().all(plain) {
            return Ok(text.to_owned());
        }
        Err(Bad::with(
            format!("`{text}` is no name of an attribute or class"),
            "write one, for example `uid`",
        ))
    }
}

/// The beginning of a user name, or nothing.
#[derive(Debug)]
pub struct NamePrefix;

impl Value for NamePrefix {
    type Out = String;

    fn words() -> String {
        "beginning of an account's name, or empty".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        if text.is_empty() || format!("{text}x").parse::<portcullis_model::UserName>().is_ok() {
            return Ok(text.to_owned());
        }
        Err(Bad::with(format!("no account's name can begin with `{text}`"), "write letters, digits and `-`"))
    }
}

/// How a person's groups are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupSearch {
    /// By a search for groups that name the person.
    Search,
    /// By the person's `memberOf`.
    MemberOf,
}

/// A word for [`GroupSearch`].
#[derive(Debug)]
pub struct GroupSearchWord;

impl Value for GroupSearchWord {
    type Out = GroupSearch;

    fn words() -> String {
        "`search` or `member-of`".into()
    }

    fn parse(text: &str) -> Result<GroupSearch, Bad> {
        one_of(text, &[("search", GroupSearch::Search), ("member-of", GroupSearch::MemberOf)])
    }
}
