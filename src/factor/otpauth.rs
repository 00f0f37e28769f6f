//! The address that an authenticator program reads: `otpauth://totp/ISSUER:ACCOUNT?secret=…`.
//!
//! The form is that of Google Authenticator's "Key Uri Format", which the others took over. It has the secret in it: shown
//! once, to who enrols, never logged.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::base32;
use crate::totp::{DIGITS, Key, STEP_SECONDS};

/// Most characters of an issuer or an account: more are not seen on a phone, and the picture of the address stays one that a
/// camera can read.
pub const NAME_MAX: usize = 64;

/// All but what RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address; wiped when dropped.
///
/// `issuer` is what the program shows above the code, `account` beside it. Both are cut at [`NAME_MAX`] characters, control
/// characters are left out, and a colon becomes a dash: programs split the label at it, escaped or not.
pub fn uri(issuer: &str, account: &str, key: &Key) -> Zeroizing<String> {
    let (issuer, account) = (clean(issuer), clean(account));
    let [issuer, account] = [&issuer, &account].map(|name| utf8_percent_encode(name, ESCAPED));
    let secret = base32::encode(key.expose());
    Zeroizing::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        secret.as_str(),
    ))
}

fn clean(name: &str) -> String {
    let kept = name.chars().filter(|c| !c.is_control()).take(NAME_MAX);
    kept.map(|c| if c == ':' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(*b"12345678901234567890")
    }

    #[test]
    fn an_address_says_all_that_a_program_needs() {
        assert_eq!(
            uri("Portcullis", "alice", &key()).as_str(),
            "otpauth://totp/Portcullis:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Portcullis\
             &algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn names_can_not_add_a_parameter_or_break_the_label() {
        for hostile in ["a&secret=B", "a?b=c#d", "a:b/c", "%41", "a\r\nb", "a b+c", "jürgen@例", "DOM\\al"]
        {
            let text = uri(hostile, hostile, &key());
            let rest = text.strip_prefix("otpauth://totp/").expect("the scheme");
            let (label, query) = rest.split_once('?').expect("a query");
            assert_eq!(label.matches(':').count(), 1, "{label}");
            assert!(!label.contains(['/', '#', '&', ' ', '\\']), "{label}");
            let names: Vec<_> =
                query.split('&').map(|pair| pair.split('=').next().expect("a name")).collect();
            assert_eq!(names, ["secret", "issuer", "algorithm", "digits", "period"]);
            assert!(text.is_ascii() && !text.contains(|c: char| c.is_control()), "{query}");
        }
        assert!(uri(&"x".repeat(10_000), "a", &key()).len() < 400);
    }
}
