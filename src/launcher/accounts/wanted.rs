//! What somebody wants a key or a group to be, held against the options and limits. Pure: called by `owned`.

use std::net::IpAddr;

use ipnet::IpNet;
use portcullis_model::AccountId;
use portcullis_model::account::Role;
use portcullis_model::key::{ApiKey, KEY_NAME_MAX, KeyDigest, SOURCES_MAX};
use portcullis_wire::accounts::AccountRefusal;
use portcullis_wire::owned::NewKeyWish;

use crate::text::{NAME_MAX, printable};

/// In milliseconds.
const DAY: u64 = 24 * 60 * 60 * 1000;
/// Longest name of a group, in bytes: a line of a list.
const GROUP_NAME_MAX: usize = 128;
/// The id of no key.
const NOBODYS: &str = "aaaaaaaaaa";

/// The key that somebody wants, without what makes it one; `max` days at the most, where that isn't 0.
pub(super) fn wanted_key(
    wanted: NewKeyWish,
    role: Role,
    max: u64,
    created: u64,
) -> Result<ApiKey, AccountRefusal> {
    let bad = |why: String| Err(AccountRefusal::Value(why));
    let name = wanted.name.trim();
    if name.is_empty() || name.len() > KEY_NAME_MAX || name.chars().any(char::is_control) {
        return bad(format!("a key's name has 1 to {KEY_NAME_MAX} bytes, and no control characters"));
    }
    if wanted.scopes.is_empty() {
        return bad("a key has one scope at least".into());
    }
    if wanted.sources.len() > SOURCES_MAX {
        return bad(format!("a key has at most {SOURCES_MAX} ranges of addresses"));
    }
    let sources = wanted.sources.iter().map(|text| source(text)).collect::<Result<Vec<IpNet>, _>>()?;
    let until = match (wanted.days.map(u64::from), max) {
        (Some(0), _) => return bad("a key lives one day at least".into()),
        (Some(days), max) if max > 0 && days > max => {
            return bad(format!("a key lives at most {max} days (`api-key-max-days`)"));
        }
        (Some(days), _) => Some(days),
        (None, 0) => None,
        (None, max) => Some(max),
    };
    Ok(ApiKey {
        // Of no key: its caller puts it right.
        id: NOBODYS.parse().map_err(|_| AccountRefusal::Gone)?,
        account: AccountId::from_bytes([0; 16]),
        name: name.to_owned(),
        digest: KeyDigest::from_bytes([0; 32]),
        scopes: wanted.scopes,
        role_cap: role,
        sources,
        created,
        until: until.map(|days| created.saturating_add(days.saturating_mul(DAY))),
        last_used: None,
        ended: None,
        seal: Vec::new(),
    })
}

/// A range, or one address.
fn source(text: &str) -> Result<IpNet, AccountRefusal> {
    let text = text.trim();
    let found = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    found.ok_or_else(|| AccountRefusal::Value(format!("`{}` is no range of addresses", plain(text))))
}

/// The name of a group, if it can be one.
pub(super) fn group_name(name: &str) -> Result<String, AccountRefusal> {
    let name = name.trim();
    if name.is_empty() || name.len() > GROUP_NAME_MAX || name.chars().any(char::is_control) {
        let why = format!("a group's name has 1 to {GROUP_NAME_MAX} bytes, and no control characters");
        return Err(AccountRefusal::Value(why));
    }
    Ok(name.to_owned())
}

/// Printable and short.
pub(super) fn plain(text: &str) -> String {
    printable(text.trim(), NAME_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, scopes: &str, days: Option<u32>, sources: &[&str]) -> NewKeyWish {
        NewKeyWish {
            of: None,
            name: name.into(),
            scopes: scopes.parse().expect("scopes"),
            role: None,
            days,
            sources: sources.iter().map(|&text| text.into()).collect(),
        }
    }

    #[test]
    fn what_is_wanted_is_bounded_by_the_options() {
        let made = |wish, max| wanted_key(wish, Role::Viewer, max, 1000);
        let one = made(wish(" ci ", "ide", Some(2), &["192.0.2.0/24", "2001:db8::1"]), 365).expect("a key");
        assert_eq!((one.name.as_str(), one.until), ("ci", Some(1000 + 2 * DAY)));
        assert_eq!(
            one.sources.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["192.0.2.0/24", "2001:db8::1/128"]
        );
        assert_eq!(made(wish("a", "ide", None, &[]), 7).expect("a key").until, Some(1000 + 7 * DAY));
        assert_eq!(made(wish("a", "ide", None, &[]), 0).expect("a key").until, None);
        assert_eq!(made(wish("a", "ide", Some(9999), &[]), 0).expect("a key").until, Some(1000 + 9999 * DAY));
        for bad in [
            wish("", "ide", None, &[]),
            wish("a\nb", "ide", None, &[]),
            wish(&"x".repeat(KEY_NAME_MAX + 1), "ide", None, &[]),
            wish("a", "", None, &[]),
            wish("a", "ide", Some(0), &[]),
            wish("a", "ide", Some(366), &[]),
            wish("a", "ide", None, &["example.test"]),
            wish("a", "ide", None, &["192.0.2.0/33"]),
            wish("a", "ide", None, &["192.0.2.1"; SOURCES_MAX + 1]),
        ] {
            assert!(matches!(made(bad.clone(), 365), Err(AccountRefusal::Value(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_group_has_a_name() {
        assert_eq!(group_name(" team "), Ok("team".into()));
        for bad in ["", " ", "a\u{7}", &"x".repeat(GROUP_NAME_MAX + 1)] {
            assert!(group_name(bad).is_err(), "{bad:?}");
        }
    }
}
