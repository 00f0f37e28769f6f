//! What a browser or password manager may fill into a PAM prompt.

use crate::sign_in::PromptKind;

/// The token for `autocomplete`, guessed from the module's text; a wrong guess costs a suggestion, nothing else.
pub(crate) fn token(kind: PromptKind, text: &str) -> &'static str {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["code", "otp", "token", "passcode", "one-time", "authenticator"]) {
        "one-time-code"
    } else if kind == PromptKind::Shown {
        "off"
    } else if has(&["new", "retype", "again"]) {
        "new-password"
    } else {
        "current-password"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_common_modules() {
        use PromptKind::{Hidden, Shown};
        for (kind, text, expected) in [
            (Hidden, "Password: ", "current-password"),
            (Hidden, "Current password: ", "current-password"),
            (Hidden, "New password: ", "new-password"),
            (Hidden, "Retype new password: ", "new-password"),
            (Shown, "Verification code: ", "one-time-code"),
            (Hidden, "One-time password (OATH) for `alice': ", "one-time-code"),
            (Shown, "Passcode or option (1-3): ", "one-time-code"),
            (Shown, "Favourite colour? ", "off"),
        ] {
            assert_eq!(token(kind, text), expected, "{text}");
        }
    }
}
