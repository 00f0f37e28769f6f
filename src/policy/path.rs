//! Raw paths: which spellings are refused, and how a tail that names a file is decoded.
//!
//! Routes are matched on the raw bytes, as Tornado does: nothing is decoded to find a row. Only a tail that names a file
//! is percent-decoded, once. What two programs could read in two ways is refused, never repaired.

use percent_encoding::percent_decode_str;

/// Why a target is refused whatever the flags say; `None` when it is well-formed.
///
/// Refused: bytes outside printable ASCII, `#`, `\`, a broken percent sign, `%00`, and `..` as a segment in any spelling
/// (plain or encoded once; `/`, `%2f`, `\` and `%5c` all end a segment here).
pub(crate) fn malformed(path: &str) -> Option<&'static str> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Some("it does not start with a slash");
    }
    let (mut at, mut dots, mut others) = (0, 0_usize, 0_usize);
    while at < bytes.len() {
        let (byte, width) = match bytes[at] {
            b'%' => {
                let pair = bytes.get(at + 1).zip(bytes.get(at + 2));
                let Some((high, low)) = pair.and_then(|(h, l)| hex(*h).zip(hex(*l))) else {
                    return Some("a percent sign is not followed by two hexadecimal digits");
                };
                (high << 4 | low, 3)
            }
            b'\\' => return Some("it holds a backslash"),
            b'#' => return Some("it holds a number sign"),
            raw if !(0x21..0x7f).contains(&raw) => {
                return Some("it holds a blank, control or non-ASCII byte");
            }
            raw => (raw, 1),
        };
        at += width;
        match byte {
            0 => return Some("it holds a zero byte"),
            b'/' | b'\\' => {
                if dots == 2 && others == 0 {
                    return Some("it holds a `..` segment");
                }
                (dots, others) = (0, 0);
            }
            b'.' => dots += 1,
            _ => others += 1,
        }
    }
    (dots == 2 && others == 0).then_some("it holds a `..` segment")
}

/// Why the part of a path that chooses the route is not in its one plain spelling; `None` when it is.
///
/// Not plain: an empty or `.` segment, `;`, and the encodings of letters, digits, `-._~`, `/`, `\`, `;`, `%` and controls.
pub(crate) fn not_plain(part: &str) -> Option<&'static str> {
    let bytes = part.as_bytes();
    let mut beyond_ascii = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b';' => return Some("it holds a semicolon"),
            b'/' if bytes.get(at + 1) == Some(&b'/') => return Some("it holds an empty segment"),
            b'/' if bytes.get(at + 1) == Some(&b'.') && matches!(bytes.get(at + 2), None | Some(b'/')) => {
                return Some("it holds a `.` segment");
            }
            b'%' => {
                let pair = bytes.get(at + 1).zip(bytes.get(at + 2));
                let (high, low) = pair.and_then(|(h, l)| hex(*h).zip(hex(*l)))?;
                let plain = high << 4 | low;
                if plain.is_ascii_alphanumeric() || plain < 0x20 || b"-._~/\\;%\x7f".contains(&plain) {
                    return Some("it encodes a character that needs no encoding or changes the path");
                }
                beyond_ascii |= plain >= 0x80;
            }
            _ => {}
        }
    }
    // What is no text is read as one text by one program and as another by the next.
    (beyond_ascii && percent_decode_str(part).decode_utf8().is_err()).then_some("it does not decode to UTF-8")
}

/// Why a tail is no name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAName(pub(crate) &'static str);

/// The file a tail names: decoded once, without empty and `.` segments. A double encoding stays literal text.
pub(crate) fn decode_tail(tail: &str) -> Result<String, NotAName> {
    let decoded =
        percent_decode_str(tail).decode_utf8().map_err(|_| NotAName("it does not decode to UTF-8"))?;
    normalise(&decoded)
}

/// Whether [`decode_tail`] would succeed, without making the name.
pub(crate) fn check_tail(tail: &str) -> Result<(), NotAName> {
    if tail.contains('%') { decode_tail(tail).map(drop) } else { Ok(()) }
}

/// The one plain spelling of a tail that was checked before; `None` when it is in it.
///
/// Decoded once, without empty and `.` segments; then everything but letters, digits and the signs that mean nothing in a path
/// is encoded, in capitals. A slash at the end stays: it asks for a folder; but not where the rest of the route follows.
pub(crate) fn plain_tail(tail: &str, followed: bool) -> Option<String> {
    let folder = tail.ends_with('/') && !followed;
    if is_plain_tail(tail) && tail.ends_with('/') == folder {
        return None;
    }
    let name = decode_tail(tail).ok()?;
    let mut plain = String::with_capacity(tail.len() + 16);
    // Nothing but slashes is the folder itself.
    for part in name.split('/').filter(|part| !part.is_empty()) {
        plain.push('/');
        for byte in part.bytes() {
            if is_meaningless(byte) {
                plain.push(char::from(byte));
            } else {
                let digit =
                    |value: u8| char::from_digit(value.into(), 16).unwrap_or('0').to_ascii_uppercase();
                plain.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    if folder {
        plain.push('/');
    }
    (plain != tail).then_some(plain)
}

/// Signs that no program between the browser and the file gives a meaning in a path: what `encodeURIComponent` leaves, and a
/// few more that people have in names of files.
const fn is_meaningless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
        || matches!(byte, b'@' | b':' | b',' | b'=' | b'&' | b'$')
}

/// Whether [`plain_tail`] would change nothing, for the usual tail, without making anything.
fn is_plain_tail(tail: &str) -> bool {
    let bytes = tail.as_bytes();
    let mut start = true;
    for (at, byte) in bytes.iter().enumerate() {
        let plain = match byte {
            b'/' => !(start && at > 0),
            b'.' if start => !matches!(bytes.get(at + 1), None | Some(b'/')),
            byte => is_meaningless(*byte),
        };
        if !plain {
            return false;
        }
        start = *byte == b'/';
    }
    true
}

/// A name as it stands in a JSON body: the same rules, nothing to decode.
pub(crate) fn normalise(name: &str) -> Result<String, NotAName> {
    if name.contains('\0') {
        return Err(NotAName("it holds a zero byte"));
    }
    let mut plain = String::with_capacity(name.len());
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(NotAName("it holds a `..` segment")),
            part => {
                if !plain.is_empty() {
                    plain.push('/');
                }
                plain.push_str(part);
            }
        }
    }
    Ok(plain)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_readings_are_refused_whatever_the_flags_say() {
        for bad in [
            "",
            "x",
            "/a b",
            "/a\tb",
            "/a\u{e9}",
            "/a\0",
            "/a#b",
            "/a\\b",
            "/%",
            "/%2",
            "/%zz",
            "/%%32%65",
            "/a%00",
            "/..",
            "/../",
            "/a/..",
            "/a/../b",
            "/%2e%2e/",
            "/.%2e/",
            "/%2E./b",
            "/a%2f..%2fb",
            "/a%5c..%5cb",
            "/files/..",
            "/files/%2e%2e%2fetc",
        ] {
            assert!(malformed(bad).is_some(), "{bad:?}");
        }
        for good in [
            "/",
            "/a",
            "/a..b",
            "/...",
            "/a/.b",
            "/%252e%252e/",
            "/a%20b",
            "/%c3%a9",
            "/..;/a",
            "/a%5cb",
            "//a",
        ] {
            assert_eq!(malformed(good), None, "{good:?}");
        }
    }

    #[test]
    fn a_route_has_one_plain_spelling() {
        for bad in [
            "//a",
            "/a//b",
            "/./a",
            "/a/.",
            "/%2e/a",
            "/a;b",
            "/%74erminals",
            "/%252e",
            "/a%2fb",
            "/a%0d",
            "/%7E",
            "/%ff",
            "/%c0%ae",
        ] {
            assert!(not_plain(bad).is_some(), "{bad:?}");
        }
        for good in ["/a/b/", "/@x/y:z", "/%40x", "/%c3%a9", "/a.b", "/.a", "/a/..b", "/a%20b"] {
            assert_eq!(not_plain(good), None, "{good:?}");
        }
    }

    #[test]
    fn a_tail_has_one_plain_spelling() {
        for (tail, plain) in [
            ("/%61.txt", "/a.txt"),
            ("/a%2fb//./c/", "/a/b/c/"),
            ("/%252e%252e/x", "/%252e%252e/x"),
            ("/a%2fB%c3%a9", "/a/B%C3%A9"),
            ("/a;b+c", "/a%3Bb%2Bc"),
            ("//", "/"),
            ("/./a", "/a"),
            ("/a/.", "/a"),
            ("/[a]", "/%5Ba%5D"),
            ("/a%5cb", "/a%5Cb"),
        ] {
            assert_eq!(plain_tail(tail, false).as_deref().unwrap_or(tail), plain, "{tail}");
            assert_eq!(plain_tail(plain, false), None, "{plain}");
            assert_eq!(decode_tail(tail), decode_tail(plain), "{tail}");
        }
        assert_eq!(plain_tail("/a/", true).as_deref(), Some("/a"));
        assert_eq!(plain_tail("//", true).as_deref(), Some(""));
        for plain in ["", "/", "/a", "/a/", "/.a/..b/a.", "/@a:b(1)*,='!~&$-_"] {
            assert!(plain_tail(plain, false).is_none() && is_plain_tail(plain), "{plain}");
        }
    }

    #[test]
    fn a_tail_is_decoded_once() {
        assert_eq!(decode_tail("/%61.txt").as_deref(), Ok("a.txt"));
        assert_eq!(decode_tail("/a%2fb//./c").as_deref(), Ok("a/b/c"));
        assert_eq!(decode_tail("/%252e%252e/x").as_deref(), Ok("%2e%2e/x"));
        assert_eq!(decode_tail(""), Ok(String::new()));
        for bad in ["/%ff", "/%c0%ae%c0%ae/", "/%ed%a0%80", "/%2e%2e", "/a%2f..", "/%00"] {
            assert!(decode_tail(bad).is_err() && check_tail(bad).is_err(), "{bad}");
        }
    }
}
