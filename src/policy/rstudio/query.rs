//! Files that a query names, as rsession reads it: fields between `&`, decoded once, `+` a blank, the first of two wins.
//!
//! Only asked while directories are restricted; what could be read in another way is refused then.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::place::claim;
use crate::PathClaim;
use crate::path::normalise;

/// The fields of a query.
pub(super) struct Query<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl<'q> Query<'q> {
    /// # Errors
    /// Why it can be read in more than one way.
    pub(super) fn read(query: &'q str) -> Result<Self, &'static str> {
        let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        for field in query.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            if name.is_empty() || value.contains('=') {
                return Err("its query has a stray equals sign");
            }
            let (name, value) = (decoded(name)?, decoded(value)?);
            if fields.iter().any(|(known, _)| *known == name) {
                return Err("its query names a field twice");
            }
            fields.push((name, value));
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| &**value)
    }

    /// The path in a field, if it is there.
    ///
    /// # Errors
    /// Why it can't be checked.
    pub(super) fn path(&self, name: &str) -> Result<Option<PathClaim>, &'static str> {
        self.get(name).map_or(Ok(None), claim)
    }

    /// The files of an export: `file`, or `file0` and so on below `parent`; true with those that must not be folders, whose
    /// archive would follow links.
    ///
    /// # Errors
    /// Why they can't be checked.
    pub(super) fn export(&self) -> Result<(Vec<PathClaim>, bool), &'static str> {
        if self.get("file").is_some() {
            return Ok((self.path("file")?.into_iter().collect(), false));
        }
        let parent = self.path("parent")?;
        let home = PathClaim { tail: String::new(), absolute: false };
        let parent = parent.unwrap_or(home);
        let mut claims = vec![parent.clone()];
        let numbered = |name: &str| {
            name.strip_prefix("file").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut members = Vec::new();
        for (_, value) in self.0.iter().filter(|(name, _)| numbered(name)) {
            // An absolute member takes the parent's place.
            let absolute = value.starts_with('/');
            let text = if absolute { value.to_string() } else { format!("{}/{value}", parent.tail) };
            let tail = normalise(&text).map_err(|why| why.0)?;
            if value.starts_with('-') {
                return Err("a member of the archive looks like an option");
            }
            members.push(PathClaim { tail, absolute: absolute || parent.absolute });
        }
        if !members.is_empty() {
            claims = members;
        }
        Ok((claims, true))
    }
}

/// As a form field: percent-decoded once, `+` is a blank. Borrowed when there is nothing to decode.
///
/// # Errors
/// Why it can be read in more than one way.
pub(super) fn decoded(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%' && !bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err("a percent sign is not followed by two hexadecimal digits");
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| "it does not decode to UTF-8")?;
    Ok(Cow::Owned(decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(query: &str) -> Result<Vec<String>, &'static str> {
        Query::read(query)?
            .export()
            .map(|(claims, _)| claims.iter().map(|claim| claim.under("/home/a")).collect())
    }

    #[test]
    fn every_file_of_an_export_is_named() {
        for (query, files) in [
            ("name=x&file=%7E/a+b", vec!["/home/a/a b"]),
            ("file=/etc/passwd&name=x", vec!["/etc/passwd"]),
            ("file=/x&parent=~&file0=b", vec!["/x"]),
            ("name=z&parent=~&file0=x&file1=d/y", vec!["/home/a/x", "/home/a/d/y"]),
            ("name=z&parent=~/d&file0=/etc/passwd", vec!["/etc/passwd"]),
            ("name=z&parent=/etc&file0=passwd&file7=shadow", vec!["/etc/passwd", "/etc/shadow"]),
            ("name=z&parent=/etc", vec!["/etc"]),
            ("file=&parent=/etc&file0=x", vec!["/etc/x"]),
        ] {
            assert_eq!(export(query).expect(query), files, "{query}");
        }
        for bad in [
            "file=~/x&file=/etc/passwd",
            "file=~/x&fil%65=/etc/passwd",
            "file=~/x=/etc/passwd",
            "file==/etc/passwd",
            "=x",
            "file=%",
            "file=%2",
            "file=% 41",
            "file=%ff",
            "file=a/b",
            "parent=~&file0=../b",
            "parent=~&file0=a%2f..%2f..%2fetc",
            "parent=~&file0=-O/tmp/x",
            "parent=~x&file0=b",
            "file=%00",
        ] {
            assert!(export(bad).is_err(), "{bad}");
        }
    }
}
