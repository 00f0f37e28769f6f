//! What RStudio's session takes for a path: `~` is the home, what doesn't start with `/` or `~/` is relative.
//!
//! Relative paths go by a working directory that nobody here knows, so that they can't be checked; only those that stay below
//! a folder which was checked before are taken.

use crate::PathClaim;
use crate::path::normalise;

/// A path in a parameter; `None` for the home itself, which is always allowed.
///
/// # Errors
/// Why it can't be checked.
pub(super) fn claim(text: &str) -> Result<Option<PathClaim>, &'static str> {
    let (rest, absolute) = match text.as_bytes() {
        [] | [b'~'] => return Ok(None),
        [b'~', b'/', ..] => (&text[2..], false),
        [b'~', ..] => return Err("it names somebody's home by `~`"),
        [b'/', ..] => (text, true),
        _ => return Err("it is relative to a folder that isn't known here"),
    };
    let tail = normalise(rest).map_err(|why| why.0)?;
    Ok(Some(PathClaim { tail, absolute }))
}

/// A path below a folder that was checked before, or a path of its own.
///
/// # Errors
/// Why it can't be checked.
pub(super) fn within(text: &str) -> Result<Option<PathClaim>, &'static str> {
    if text.starts_with(['/', '~']) {
        return claim(text);
    }
    normalise(text).map(|_| None).map_err(|why| why.0)
}

/// An address on the network, or a path.
///
/// # Errors
/// Why it can't be checked.
pub(super) fn address(text: &str) -> Result<Option<PathClaim>, &'static str> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let word = |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    match scheme {
        Some(scheme) if scheme.eq_ignore_ascii_case("file") => Err("it is a file's address"),
        Some(scheme) if !scheme.is_empty() && word(scheme) => Ok(None),
        Some(_) => Err("it is no address that is known here"),
        // `git@host:path`, as ssh names places: a colon before any slash, and no option or transport of git's.
        None if text.split('/').next().is_some_and(|first| first.contains(':')) => {
            if text.contains("::") || text.starts_with('-') {
                return Err("it is no address that is known here");
            }
            Ok(None)
        }
        None => claim(text),
    }
}

/// Whether it is a bare name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.contains(['/', '\\', '\0'])
        && text != "."
        && text != ".."
        && !text.starts_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(claim: Result<Option<PathClaim>, &'static str>) -> Option<String> {
        claim.map(|claim| claim.map_or_else(|| "/home/a".to_owned(), |claim| claim.under("/home/a"))).ok()
    }

    #[test]
    fn paths_as_the_session_reads_them() {
        for (text, path) in [
            ("", Some("/home/a")),
            ("~", Some("/home/a")),
            ("~/", Some("/home/a/")),
            ("~/x//./y", Some("/home/a/x/y")),
            ("~//etc", Some("/home/a/etc")),
            ("/etc//passwd", Some("/etc/passwd")),
            ("/~/x", Some("/~/x")),
            ("~root/x", None),
            ("x", None),
            ("./x", None),
            ("../x", None),
            ("~/../x", None),
            ("~/a/..", None),
            ("/home/a/../b", None),
            ("/a\0b", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(shown(claim(text)).as_deref(), path, "{text:?}");
        }
    }

    #[test]
    fn what_stays_below_a_checked_folder() {
        for (text, good) in [("a/b", true), ("a/../b", false), ("..", false), ("a\0", false), ("-x", true)] {
            assert_eq!(within(text).is_ok(), good, "{text}");
        }
        assert_eq!(shown(within("/etc/x")).as_deref(), Some("/etc/x"));
        assert!(within("~root").is_err());
    }

    #[test]
    fn addresses_are_no_files() {
        for good in ["https://a/b", "ssh://h/x", "git@host:a/b.git"] {
            assert_eq!(address(good), Ok(None), "{good}");
        }
        for bad in
            ["file:///etc/passwd", "FILE:///x", "ext::sh -c x", "a b://x", "--upload-pack=x:y", "data.csv"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
        assert_eq!(shown(address("/etc/passwd")).as_deref(), Some("/etc/passwd"));
    }

    #[test]
    fn bare_names() {
        for bad in ["", "a/b", "..", ".", "~x", "a\0", "a\\b"] {
            assert!(!is_name(bad), "{bad:?}");
        }
        assert!(is_name("a b.txt") && is_name(".x"));
    }
}
