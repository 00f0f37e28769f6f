//! An entry as bytes: attributes are texts or not as they please, and one accessor gives both.

use ldap3::ResultEntry;
use ldap3::asn1::{PL, StructureTag};

/// An entry that a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its DN as the directory writes it.
    pub dn: String,
    /// Attributes with their values, in the directory's order; names may have options (`member;range=0-1499`).
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// Reads one; `None` when it isn't of the form of RFC 4511.
    pub(super) fn read(found: ResultEntry) -> Option<Self> {
        let mut parts = children(found.0)?.into_iter();
        let dn = String::from_utf8(bytes(parts.next()?)?).ok()?;
        let mut attributes = Vec::new();
        for attribute in children(parts.next()?)? {
            let mut parts = children(attribute)?.into_iter();
            let name = String::from_utf8(bytes(parts.next()?)?).ok()?;
            let values = children(parts.next()?)?.into_iter().map(bytes).collect::<Option<Vec<_>>>()?;
            attributes.push((name, values));
        }
        Some(Self { dn, attributes })
    }

    /// The values of an attribute as bytes; names are compared without case and options.
    pub(super) fn raw<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let same = move |(found, _): &&(String, Vec<Vec<u8>>)| {
            found.split(';').next().is_some_and(|found| found.eq_ignore_ascii_case(name))
        };
        self.attributes.iter().filter(same).flat_map(|(_, values)| values.iter().map(Vec::as_slice))
    }

    /// The values of an attribute that are texts.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        self.raw(name).filter_map(|value| String::from_utf8(value.to_vec()).ok()).collect()
    }

    /// The first value of an attribute, as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.texts(name).into_iter().next()
    }

    /// Where the next part of an attribute begins, when the directory gave only a range of it (`;range=0-1499`).
    pub(super) fn rest_of(&self, name: &str) -> Option<usize> {
        self.attributes.iter().find_map(|(found, _)| {
            let (base, option) = found.split_once(';')?;
            let range = option.strip_prefix("range=").filter(|_| base.eq_ignore_ascii_case(name))?;
            let (_, end) = range.split_once('-')?;
            end.parse::<usize>().ok()?.checked_add(1)
        })
    }
}

fn children(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(children) => Some(children),
        PL::P(_) => None,
    }
}

fn bytes(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&[u8]])]) -> Entry {
        let values = |values: &[&[u8]]| values.iter().map(|value| value.to_vec()).collect();
        let attributes = attributes.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect();
        Entry { dn: "cn=a".into(), attributes }
    }

    #[test]
    fn values_are_bytes_first_and_texts_where_they_are() {
        let entry = entry(&[("objectGUID", &[b"\xff\xfe"]), ("UID", &[b"kim", b"\xff"]), ("mail", &[])]);
        assert_eq!(entry.raw("objectguid").next(), Some(&b"\xff\xfe"[..]));
        assert_eq!(entry.texts("uid"), ["kim"]);
        assert_eq!(entry.text("mail"), None);
        assert_eq!(entry.text("gone"), None);
    }

    #[test]
    fn ranges_of_active_directory_say_where_they_go_on() {
        let part = entry(&[("memberOf;range=0-1499", &[b"cn=a"])]);
        assert_eq!(part.texts("memberof"), ["cn=a"]);
        assert_eq!(part.rest_of("memberOf"), Some(1500));
        for whole in ["memberOf;range=1500-*", "memberOf", "memberOf;binary", "member;range=0-9"] {
            assert_eq!(entry(&[(whole, &[])]).rest_of("memberOf"), None, "{whole}");
        }
    }
}
