//! Distinguished names compared as directories compare them: case, spaces and escapes don't count (RFC 4514, RFC 4518).
//!
//! Not a validator: what is no distinguished name has no normal form and equals nothing.

/// The normal form of a distinguished name: types and values in lower case, no spaces around `,` `+` `=`, inner runs of spaces
/// as one, each character that was escaped written in one way. `None` when the text is no distinguished name.
pub fn normalised(text: &str) -> Option<String> {
    let mut rdns = Vec::new();
    for rdn in split(text, ',')? {
        let mut pairs = Vec::new();
        for pair in split(rdn, '+')? {
            let (kind, value) = pair.split_once('=')?;
            let kind = kind.trim();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            if kind.is_empty() || !kind.chars().all(plain) {
                return None;
            }
            pairs.push(format!("{}={}", kind.to_ascii_lowercase(), value_of(value)?));
        }
        // The parts of one name have no order.
        pairs.sort();
        rdns.push(pairs.join("+"));
    }
    Some(rdns.join(","))
}

/// True when both are distinguished names and name the same entry.
pub fn same(one: &str, other: &str) -> bool {
    match (normalised(one), normalised(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// Splits where the character stands unescaped and outside of quotes.
fn split(text: &str, at: char) -> Option<Vec<&str>> {
    let (mut parts, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (here, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if c == at && !quoted => {
                parts.push(&text[from..here]);
                from = here + c.len_utf8();
            }
            _ => {}
        }
    }
    if quoted || escaped {
        return None;
    }
    parts.push(&text[from..]);
    Some(parts)
}

/// A value without its escapes, folded, and written again with the characters escaped that could be taken for syntax.
fn value_of(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut quoted = false;
    let mut chars = text.trim_start().chars().peekable();
    let mut kept = 0; // bytes up to here are not trailing spaces
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                kept = bytes.len();
            }
            '\\' => {
                let first = chars.next()?;
                match (first.to_digit(16), chars.peek().and_then(|next| next.to_digit(16))) {
                    (Some(high), Some(low)) => {
                        chars.next();
                        bytes.push(u8::try_from(high * 16 + low).ok()?);
                    }
                    _ => bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes()),
                }
                kept = bytes.len();
            }
            _ => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                if c != ' ' || quoted {
                    kept = bytes.len();
                }
            }
        }
    }
    bytes.truncate(kept);
    let plain = String::from_utf8(bytes).ok()?.to_lowercase();
    let folded = plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if folded.is_empty() {
        return None;
    }
    let mut value = String::with_capacity(folded.len());
    for c in folded.chars() {
        if ",+=\\\"".contains(c) {
            value.push('\\');
        }
        value.push(c);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_entry_are_the_same() {
        let base = "cn=data science,ou=groups,dc=example,dc=test";
        for other in [
            "CN=Data Science,OU=Groups,DC=example,DC=test",
            " cn = data   science , ou=groups ,dc=example, dc=test ",
            "cn=data\\20science,ou=groups,dc=example,dc=test",
            "cn=\"data science\",ou=groups,dc=example,dc=test",
        ] {
            assert!(same(base, other), "{other}");
        }
        assert!(same("cn=a\\,b,dc=x", "cn=a\\2Cb,dc=x"));
        assert!(same("cn=a+uid=1,dc=x", "uid=1+CN=A,dc=x"));
        assert!(same("cn=Jürgen,dc=x", "cn=j\\C3\\BCrgen,dc=x"));
    }

    #[test]
    fn names_of_two_entries_are_not() {
        for (one, other) in [
            ("cn=a,dc=x", "cn=a,dc=y"),
            ("cn=a,dc=x", "cn=a"),
            ("cn=a\\,dc=x", "cn=a,dc=x"),
            ("cn=a b,dc=x", "cn=ab,dc=x"),
            ("cn=a\\,ou\\=b,dc=x", "cn=a,ou=b,dc=x"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_no_name_equals_nothing_not_even_itself() {
        for bad in ["", "admins", "cn=", "=x", "cn=a,", "cn=a\\", "cn=\"a", "c n=a", "cn=\\FF"] {
            assert_eq!(normalised(bad), None, "{bad}");
            assert!(!same(bad, bad), "{bad}");
        }
    }
}
