//! How a path is read by whoever reads it leniently: written independently of the policy, to be compared with it.

use portcullis_model::session::Ide;
use portcullis_policy::{Adapters, Ask, Capability, Flags, Forward, Verdict, decide};

/// Whether a decision holds for every spelling: a request that goes on while something is taken away is sent in one spelling that
/// can be read in one way, and the decision on that spelling, and on the canonical one, is the same.
///
/// # Panics
/// When it does not.
pub fn check(adapters: &Adapters, ide: Ide, flags: &Flags, ask: &Ask<'_>, verdict: &Verdict) {
    let Verdict::Forward(forward) = verdict else { return };
    let meaning = segments(ask.path);
    if !flags.restrictive() || forward.capability == Capability::Unknown {
        assert!(!ask.path.contains(['#', '\\', '\0']), "{ide:?} {}: sent on", ask.path);
        return;
    }
    let sent = forward.spelt.as_deref().unwrap_or(ask.path);
    let whom = format!("{ide:?} {} {}, sent as {sent}", ask.method, ask.path);
    assert!(is_unambiguous(sent), "{whom}: can be read in two ways");
    assert_eq!(segments(sent), meaning, "{whom}: means something else");
    let canonical = canonical(ask.path).unwrap_or_else(|| panic!("{whom}: it has no canonical form"));
    for other in [sent, &canonical] {
        let again = decide(adapters, ide, flags, &Ask { path: other, ..*ask });
        let Verdict::Forward(again) = again else { panic!("{whom}: refused when asked as {other}") };
        assert_eq!(seen(&again), seen(forward), "{whom}: decided otherwise when asked as {other}");
    }
}

/// What a decision says, but for how the path is sent.
fn seen(forward: &Forward) -> Forward {
    Forward { spelt: None, ..forward.clone() }
}

/// What a path means when it is decoded once, `\` counts as `/`, and empty and `.` segments say nothing.
///
/// `None` when it has no one meaning that stays below the root: a `..` segment, a zero byte, no UTF-8, a broken encoding.
pub fn segments(path: &str) -> Option<Vec<String>> {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(if *first == b'%' {
            let pair = std::str::from_utf8(rest.get(..2)?).ok()?;
            let plain = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            rest = &rest[2..];
            u8::from_str_radix(pair, 16).ok().filter(|_| plain)?
        } else {
            *first
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    let parts: Vec<String> =
        text.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect();
    let climbs = text.split(['/', '\\']).any(|part| part == "..");
    (!climbs && !text.contains('\0')).then_some(parts)
}

/// The one plain spelling of a path's meaning; a slash at the end stays.
pub fn canonical(path: &str) -> Option<String> {
    let mut spelt = String::new();
    for part in segments(path)? {
        spelt.push('/');
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()@:,=&$".contains(&byte) {
                spelt.push(char::from(byte));
            } else {
                spelt.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    if path.ends_with('/') || spelt.is_empty() {
        spelt.push('/');
    }
    Some(spelt)
}

/// Whether a path that is sent on can be read in one way only: nothing to collapse, nothing encoded that needs no encoding, and
/// no encoding that becomes a separator or another encoding.
pub fn is_unambiguous(path: &str) -> bool {
    let inner = path.strip_prefix('/').unwrap_or("//");
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let whole = inner.is_empty() || inner.split('/').all(|part| !matches!(part, "" | "." | ".."));
    whole
        && !path.contains([';', '\\', '#'])
        && path.match_indices('%').all(|(at, _)| {
            let value = path.get(at + 1..at + 3).and_then(|pair| u8::from_str_radix(pair, 16).ok());
            value.is_some_and(|byte| !byte.is_ascii_alphanumeric() && !b"-._~/\0".contains(&byte))
        })
}
