//! The header by which a proxy in front says who somebody is. Pure.
//!
//! Nothing proves it but the address that it comes from: so that is looked at first, and the header of anybody else is as good
//! as none. The launcher is told the name as it came, and decides again on everything that it can know.

use std::fmt;
use std::net::IpAddr;

use http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;
use portcullis_conf::Settings;
use portcullis_model::UserName;
use portcullis_model::name_rule::{account_name, header_names};
use portcullis_model::proof::{MethodName, NAME_MAX};

/// Why a request names nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unnamed {
    /// It comes from an address that isn't a proxy's.
    Elsewhere,
    /// It has no such header.
    Missing,
    /// It has several: a client's beside the proxy's, and nobody knows which.
    Several,
    /// What it says is no name.
    NoName,
}

impl fmt::Display for Unnamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elsewhere => "the request does not come from an address of `auth-proxy-from`",
            Self::Missing => "the proxy's header is not there",
            Self::Several => "the proxy's header is there more than once",
            Self::NoName => "the proxy's header has no name in it",
        })
    }
}

/// Whom a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The account's name in the header, rewritten by the header's own rule.
    pub(crate) user: String,
    /// The account that it ends at, so far as is known here: to be compared with who is signed in.
    pub(crate) account: UserName,
}

/// Reads the header.
///
/// # Errors
/// [`Unnamed`] says why nobody is named.
pub(crate) fn named(
    settings: &Settings,
    name: &HeaderName,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Named, Unnamed> {
    if !believed(&settings.ways.auth_proxy_from, peer) {
        return Err(Unnamed::Elsewhere);
    }
    let mut all = headers.get_all(name).iter();
    let value = match (all.next(), all.next()) {
        (Some(value), None) => value,
        (None, _) => return Err(Unnamed::Missing),
        (Some(_), Some(_)) => return Err(Unnamed::Several),
    };
    let value = std::str::from_utf8(value.as_bytes()).map_err(|_| Unnamed::NoName)?.trim();
    if value.is_empty() {
        return Err(Unnamed::Missing);
    }
    // Two headers that something in between joined to one (RFC 9110, 5.3); no account has a comma.
    if value.contains(',') {
        return Err(Unnamed::Several);
    }
    if value.len() > NAME_MAX {
        return Err(Unnamed::NoName);
    }
    let rewritten = match &settings.proxy_header.auth_proxy_user_header_rewrite {
        Some(rule) => rule.apply(value),
        None => value.to_owned(),
    };
    let (user, _) = header_names(&rewritten).ok_or(Unnamed::NoName)?;
    let rules = settings.name_rules(MethodName::Proxy);
    let account = account_name(MethodName::Proxy, user, rules).map_err(|_| Unnamed::NoName)?;
    Ok(Named { user: user.to_owned(), account })
}

/// Whether an address is a proxy's. One that is written as IPv6 and is IPv4 is the latter.
fn believed(from: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    from.iter().any(|net| net.contains(&peer))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use portcullis_conf::{Sources, load};

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("x-rstudio-username");

    fn settings(rserver: &str) -> Settings {
        let files = [("rserver.conf", rserver), ("portcullis.conf", "auth-proxy-from=10.0.0.0/8,::1\n")];
        load(&Sources::new("/c", files.map(|(name, text)| (name.to_owned(), text.to_owned())))).settings
    }

    fn ask(settings: &Settings, peer: &str, values: &[&[u8]]) -> Result<(String, String), Unnamed> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_bytes(value).expect("a value"));
        }
        named(settings, &NAME, &headers, peer.parse().expect("an address"))
            .map(|named| (named.user, named.account.as_str().to_owned()))
    }

    #[test]
    fn only_a_proxy_is_believed() {
        let settings = settings("");
        for peer in ["10.0.0.7", "10.255.0.1", "::ffff:10.0.0.7", "::1"] {
            assert!(ask(&settings, peer, &[b"anna"]).is_ok(), "{peer}");
        }
        for peer in ["11.0.0.7", "127.0.0.1", "::2", "::ffff:11.0.0.7", "192.0.2.1"] {
            assert_eq!(ask(&settings, peer, &[b"anna"]), Err(Unnamed::Elsewhere), "{peer}");
        }
        let nobody = load(&Sources::default()).settings;
        assert_eq!(
            ask(&nobody, "127.0.0.1", &[b"anna"]),
            Err(Unnamed::Elsewhere),
            "nobody is believed unasked"
        );
    }

    #[test]
    fn one_header_names_one_account() {
        let plain = settings("");
        let rules =
            settings("auth-proxy-user-header-rewrite=^UID-(.*)$ $1\nauth-user-rewrite-rule=^(.*)@a$ \\L$1\n");
        for (settings, value, user, account) in [
            (&plain, "anna", "anna", "anna"),
            (&plain, " anna ", "anna", "anna"),
            (&plain, "anna/Anna Example", "anna", "anna"),
            (&rules, "UID-Anna@a", "Anna@a", "anna"),
            (&rules, "UID-anna@a/Anna", "anna@a", "anna"),
        ] {
            assert_eq!(
                ask(settings, "::1", &[value.as_bytes()]),
                Ok((user.into(), account.into())),
                "{value}"
            );
        }
        let long = "a".repeat(NAME_MAX + 1);
        for (values, why) in [
            (&[][..], Unnamed::Missing),
            (&[&b""[..]], Unnamed::Missing),
            (&[b"anna", b"anna"], Unnamed::Several),
            (&[b"anna", b"root"], Unnamed::Several),
            (&[b"anna, root"], Unnamed::Several),
            (&[b"anna,root"], Unnamed::Several),
            (&[b"\xff"], Unnamed::NoName),
            (&[b"Anna"], Unnamed::NoName),
            (&[b"/Anna"], Unnamed::NoName),
            (&[b"anna/b/c"], Unnamed::NoName),
            (&[b"an na"], Unnamed::NoName),
            (&[b"-o"], Unnamed::NoName),
            (&[long.as_bytes()], Unnamed::NoName),
        ] {
            assert_eq!(ask(&plain, "::1", values), Err(why), "{values:?}");
        }
    }
}
