//! Patterns of paths: how they are written, and when one covers another.
//!
//! `*` is one segment, `**` any number of them, both whole segments. The policy matches them on the raw path; here they are
//! brought into the one form it knows (`/files**`, no final slash), so that `/files/**` means what everybody expects.

/// Longest pattern, in bytes: more than any route of the IDEs we know.
const PATTERN_MAX: usize = 200;

/// The policy's form of a pattern.
///
/// # Errors
/// What is wrong with it.
pub(super) fn normal(text: &str) -> Result<String, String> {
    if text.len() > PATTERN_MAX {
        return Err(format!("the path has more than {PATTERN_MAX} bytes"));
    }
    let path = if text == "**" { "/**" } else { text };
    if !path.starts_with('/') {
        return Err(format!("the path `{text}` does not begin with `/`"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@/*".contains(&byte);
    if let Some(bad) = path.chars().find(|c| !u8::try_from(*c).is_ok_and(plain)) {
        return Err(format!(
            "the path has `{bad}` in it: it is compared as sent, without query and encoding"
        ));
    }
    let trimmed = path.trim_end_matches('/');
    let mut out = String::with_capacity(path.len());
    let mut many = false;
    for segment in trimmed.split('/').skip(1) {
        match segment {
            "" => return Err("the path has an empty segment".into()),
            "." | ".." => return Err(format!("the path has a `{segment}` segment")),
            "**" if many => return Err("the path has `**` twice".into()),
            "**" => {
                many = true;
                out.push_str("**");
            }
            "*" => out.push_str("/*"),
            // `/files**` is how the generated tables write it.
            _ if !many && segment.strip_suffix("**").is_some_and(|head| !head.contains('*')) => {
                many = true;
                out.push('/');
                out.push_str(segment);
            }
            _ if segment.contains('*') => {
                return Err(format!("`{segment}`: `*` stands for one whole segment, `**` for any number"));
            }
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    Ok(if out.is_empty() { "/".into() } else { out })
}

/// Whether every path that fits `narrow` fits `wide` too; both in the policy's form.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    covered(&parts(wide), &parts(narrow))
}

/// Segments of a pattern, `**` one of its own.
fn parts(pattern: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for segment in pattern.split('/').skip(usize::from(pattern.starts_with('/'))) {
        match segment.strip_suffix("**") {
            Some("") => found.push("**"),
            Some(head) => found.extend([head, "**"]),
            None => found.push(segment),
        }
    }
    found
}

fn covered(wide: &[&str], narrow: &[&str]) -> bool {
    match (wide.split_first(), narrow.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => {
            covered(rest, narrow) || narrow.split_first().is_some_and(|(_, after)| covered(wide, after))
        }
        (Some((one, rest)), Some((other, after))) => {
            let fits = *other != "**" && (*one == "*" || one == other);
            fits && covered(rest, after)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_form() {
        for (written, form) in [
            ("/", "/"),
            ("/lab/", "/lab"),
            ("/files/**", "/files**"),
            ("/files**", "/files**"),
            ("**", "**"),
            ("/**", "**"),
            ("/git/**/push", "/git**/push"),
            ("/git**/push", "/git**/push"),
            ("/session/*/upload/**", "/session/*/upload**"),
            ("/a/*/b", "/a/*/b"),
            ("/@x/y:z", "/@x/y:z"),
        ] {
            assert_eq!(normal(written).as_deref(), Ok(form), "{written}");
        }
        for bad in [
            "", "lab", "/a//b", "/a/../b", "/./a", "/a?x=1", "/a%20b", "/a#b", "/a;b", "/é", "/a*b", "/a*",
            "/**/x/**", "/a**b", "/*a**", "/a\\b",
        ] {
            assert!(normal(bad).is_err(), "{bad}");
        }
        assert!(normal(&format!("/{}", "a".repeat(PATTERN_MAX))).is_err());
    }

    #[test]
    fn covering_is_by_segments() {
        for (wide, narrow, expected) in [
            ("**", "/a/b", true),
            ("**", "/", true),
            ("/a**", "/a", true),
            ("/a**", "/a/b**", true),
            ("/a**", "/ab", false),
            ("/a/*", "/a/b", true),
            ("/a/*", "/a/*", true),
            ("/a/*", "/a**", false),
            ("/a/*", "/a/b/c", false),
            ("/a**/push", "/a/x/push", true),
            ("/a**/push", "/a**", false),
            ("/a", "/a/*", false),
            ("/a/b", "/a/*", false),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }
}
