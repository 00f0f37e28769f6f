//! From a person's entry to what it says: the account's name, the unique id, profile, and whether the account is in use.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_model::account::UniqueId;
use portcullis_model::dn;
use portcullis_model::proof::{Attributes, Failure, ROLE_VALUES_MAX};

use super::entry::Entry;
use super::name;
use super::plan::{Plan, Unique};

/// Attributes by which directories say that an account is locked or expired: Active Directory's two, 389's and FreeIPA's, the
/// password policy's, eDirectory's.
pub(super) const STANDING: [&str; 5] =
    ["userAccountControl", "accountExpires", "nsAccountLock", "pwdAccountLockedTime", "loginDisabled"];
/// `ACCOUNTDISABLE` of userAccountControl.
const DISABLED: u32 = 0x2;
/// Longest text of a profile that is kept, in bytes.
const TEXT_MAX: usize = portcullis_model::account::PROFILE_MAX;

/// A person as the directory describes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// The entry's DN.
    pub dn: String,
    /// The account's name.
    pub user: String,
    /// What names the person for ever.
    pub unique: UniqueId,
    /// Names, address and role values.
    pub attributes: Attributes,
}

/// Reads a person's entry.
pub(super) fn read(plan: &Plan, entry: &Entry) -> Result<Person, Failure> {
    let said = &plan.said;
    let attribute = &said.username_attribute;
    let user = name::canonical(&entry.dn, attribute, &entry.texts(attribute)).ok_or_else(|| {
        Failure::configuration(&format!("the entry has no `{attribute}` that can be a name"))
    })?;
    let text = |attribute: &str| {
        let found = || cut(entry.text(attribute).unwrap_or_default());
        (!attribute.is_empty()).then(found)
    };
    let mut role_values =
        if said.role_attribute.is_empty() { Vec::new() } else { entry.texts(&said.role_attribute) };
    role_values.truncate(ROLE_VALUES_MAX);
    let attributes = Attributes {
        first: text(&said.first_name_attribute),
        last: text(&said.last_name_attribute),
        email: text(&said.email_attribute),
        role_values: role_values.into_iter().map(cut).collect(),
    };
    Ok(Person { dn: entry.dn.clone(), user, unique: unique(&plan.unique, entry)?, attributes })
}

/// What names an entry for ever.
pub(super) fn unique(by: &Unique, entry: &Entry) -> Result<UniqueId, Failure> {
    let bytes = match by {
        Unique::Dn => dn::normalised(&entry.dn).unwrap_or_else(|| entry.dn.clone()).into_bytes(),
        Unique::Attribute(name) => entry.raw(name).next().map(<[u8]>::to_vec).unwrap_or_default(),
    };
    UniqueId::try_from(bytes).map_err(|_| match by {
        Unique::Dn => Failure::protocol("an entry has no DN that can be an id"),
        Unique::Attribute(name) => {
            Failure::configuration(&format!("the entry has no `{name}` that can be an id"))
        }
    })
}

/// Whether an account is in use, by the attributes of [`STANDING`] that can be read.
pub(super) fn standing(entry: &Entry, now: SystemTime) -> Result<(), Failure> {
    let number = |name: &str| entry.text(name).and_then(|text| text.parse::<i64>().ok());
    let yes = |name: &str| entry.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let disabled = number("userAccountControl")
        .and_then(|flags| u32::try_from(flags & 0xffff_ffff).ok())
        .is_some_and(|flags| flags & DISABLED != 0);
    // A lock by too many wrong passwords carries a time and ends by itself; this one is an administrator's.
    let for_ever = entry.text("pwdAccountLockedTime").is_some_and(|text| text == "000001010000Z");
    if disabled || for_ever || yes("nsAccountLock") || yes("loginDisabled") {
        return Err(Failure::Locked);
    }
    match number("accountExpires") {
        Some(at) if expired(at, now) => Err(Failure::Expired),
        _ => Ok(()),
    }
}

/// Whether a time of Windows (tenths of microseconds since 1601; 0 and the largest number: never) is over.
fn expired(at: i64, now: SystemTime) -> bool {
    const UNTIL_1970: i64 = 11_644_473_600;
    let seconds = at / 10_000_000 - UNTIL_1970;
    let now =
        now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    at != 0 && at != i64::MAX && seconds <= now
}

fn cut(text: String) -> String {
    match text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= TEXT_MAX).last() {
        Some(end) => text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(attributes: &[(&str, &str)]) -> Entry {
        let attributes = attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![value.as_bytes().to_vec()]))
            .collect();
        Entry { dn: "UID=Kim, OU=People,dc=a".into(), attributes }
    }

    #[test]
    fn locked_and_expired_accounts_are_seen_in_their_entries() {
        // 2026-01-01: 13,411,699,200 seconds since 1601.
        let now = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        for (name, value, wanted) in [
            ("userAccountControl", "512", Ok(())),
            ("userAccountControl", "514", Err(Failure::Locked)),
            ("userAccountControl", "-2147483646", Err(Failure::Locked)),
            ("userAccountControl", "x", Ok(())),
            ("nsAccountLock", "TRUE", Err(Failure::Locked)),
            ("nsaccountlock", "false", Ok(())),
            ("loginDisabled", "true", Err(Failure::Locked)),
            ("pwdAccountLockedTime", "000001010000Z", Err(Failure::Locked)),
            ("pwdAccountLockedTime", "20260101120000Z", Ok(())),
            ("accountExpires", "0", Ok(())),
            ("accountExpires", "9223372036854775807", Ok(())),
            ("accountExpires", "134116991999999999", Err(Failure::Expired)),
            ("accountExpires", "134116992010000000", Ok(())),
        ] {
            assert_eq!(standing(&entry(&[(name, value)]), now), wanted, "{name}={value}");
        }
    }

    #[test]
    fn unique_ids_are_raw_bytes_or_the_dn_in_its_normal_form() {
        let guid =
            Entry { dn: "cn=a".into(), attributes: vec![("objectGUID".into(), vec![vec![0xff, 0, 1]])] };
        let by = Unique::Attribute("objectGUID".into());
        assert_eq!(unique(&by, &guid).map(Vec::from), Ok(vec![0xff, 0, 1]));
        assert_eq!(unique(&Unique::Dn, &entry(&[])).map(Vec::from), Ok(b"uid=kim,ou=people,dc=a".to_vec()));
        assert_eq!(unique(&by, &entry(&[])).expect_err("no id").word(), "configuration");
    }

    #[test]
    fn texts_are_cut_at_a_character_and_one_line() {
        assert_eq!(cut("a\nb".into()), "a b");
        let long = cut("ä".repeat(TEXT_MAX));
        assert_eq!(long.len(), TEXT_MAX / 2 * 2);
    }
}
