//! Offline: the administrator has closed the door for a while, and says why.

use serde::{Deserialize, Serialize};

/// Longest message, in characters: a few sentences for people who wait.
pub const MESSAGE_MAX: usize = 500;

/// The door is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offline {
    /// What people read; empty where nothing was said.
    pub message: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Whether sessions were suspended for it.
    pub suspended: bool,
}

impl Offline {
    /// A message as it is shown: trimmed; `None` when it is too long or has characters that don't print.
    pub fn message(text: &str) -> Option<String> {
        let text = text.trim();
        let fits = text.chars().count() <= MESSAGE_MAX && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_short_and_printable() {
        assert_eq!(Offline::message("  back at 10:00 \n").as_deref(), Some("back at 10:00"));
        assert_eq!(Offline::message("").as_deref(), Some(""));
        assert_eq!(Offline::message("a\nb"), None);
        assert_eq!(Offline::message("\u{1b}[31m"), None);
        assert!(Offline::message(&"ä".repeat(MESSAGE_MAX)).is_some());
        assert_eq!(Offline::message(&"ä".repeat(MESSAGE_MAX + 1)), None);
    }
}
