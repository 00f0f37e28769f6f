//! Whether a text is a search filter (RFC 4515): checked when the configuration is read, not at the first sign-in.

use crate::value::{Bad, Value};

/// Deepest nesting of parentheses: people write three.
const DEPTH_MAX: usize = 16;

/// A filter in its own parentheses, or nothing.
#[derive(Debug)]
pub struct Filter;

impl Value for Filter {
    type Out = String;

    fn words() -> String {
        "search filter (RFC 4515)".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        if text.is_empty() {
            return Ok(String::new());
        }
        match filter(text, 0) {
            Some("") => Ok(text.to_owned()),
            Some(rest) => Err(Bad::with(
                format!("`{rest}` stands behind the filter's end"),
                "put `(&` before and `)` behind filters that must all hold",
            )),
            None => Err(Bad::with(
                "it is no search filter".to_owned(),
                "write for example `(objectClass=person)` or `(&(mail=*)(!(uid=guest)))`",
            )),
        }
    }
}

/// Takes one filter; what stands behind it.
fn filter(text: &str, depth: usize) -> Option<&str> {
    let inner = text.strip_prefix('(').filter(|_| depth < DEPTH_MAX)?;
    let rest = match inner.chars().next()? {
        '&' | '|' => {
            let mut rest = filter(&inner[1..], depth + 1)?;
            while rest.starts_with('(') {
                rest = filter(rest, depth + 1)?;
            }
            rest
        }
        '!' => filter(&inner[1..], depth + 1)?,
        _ => item(inner)?,
    };
    rest.strip_prefix(')')
}

/// Takes `attribute op value`; the value ends before a parenthesis, which would have to be escaped in it.
fn item(text: &str) -> Option<&str> {
    let end = text.find(')')?;
    let (left, value) = text[..end].split_once('=')?;
    let kind = left.trim_end_matches(['~', '<', '>']);
    let extensible = left.ends_with(':');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.;".contains(c) || (extensible && c == ':');
    let one_mark = left.len() - kind.len() <= 1;
    if kind.is_empty() || !one_mark || !kind.chars().all(plain) || value.contains('(') {
        return None;
    }
    escapes(value).then_some(&text[end..])
}

/// Whether each backslash is followed by two hexadecimal digits.
fn escapes(value: &str) -> bool {
    let mut parts = value.split('\\');
    parts.next();
    parts.all(|part| part.len() >= 2 && part.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_told_from_texts() {
        for good in [
            "",
            "(objectClass=posixAccount)",
            "(&(mail=*)(!(uid=guest)))",
            "(|(cn=a*b*c)(uid>=5)(uid<=9)(cn~=kim))",
            "(cn=a\\28b\\29)",
            "(memberOf:1.2.840.113556.1.4.1941:=cn=a,dc=b)",
            "(&(a=b)(c=d)(|(e=f)))",
            "(description=)",
        ] {
            assert_eq!(Filter::parse(good).as_deref(), Ok(good));
        }
        for bad in [
            "objectClass=x",
            "(objectClass=x",
            "(objectClass=x))",
            "(a=b)(c=d)",
            "()",
            "(&)",
            "(=x)",
            "(a)",
            "(a=b(c)",
            "(a=\\zz)",
            "(a=\\2)",
            "(!(a=b)(c=d))",
            "(a<>=b)",
            &format!("{}(a=b){}", "(!".repeat(20), ")".repeat(20)),
        ] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
    }
}
