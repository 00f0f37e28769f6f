//! What a server restricts, in a person's words.

use portcullis_model::Level;

/// A flag that restricts this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restriction<'a> {
    /// The option's name, e.g. `allow-shell`.
    pub flag: &'a str,
    /// Its value, e.g. `0`.
    pub value: &'a str,
    /// What that means for them; see [`meaning`].
    pub meaning: &'a str,
    /// Where it is set: `rsession.conf:3`, or `default`.
    pub rule: &'a str,
    /// How it is held.
    pub level: Level,
    /// What remains possible in spite of it; empty for nothing worth saying.
    pub remains: &'a str,
}

impl Restriction<'_> {
    pub(crate) const fn note(&self) -> &'static str {
        match self.level {
            Level::None => "Not held here.",
            Level::Ide => "Held by a switch of the IDE.",
            Level::Proxy => "Held at the door: such requests never reach the IDE.",
            Level::Kernel => "Held at the door and by the kernel inside the session.",
        }
    }
}

/// What a flag's value means for the person it applies to; `None` for a flag or value that restricts nothing or is unknown here.
pub fn meaning(flag: &str, value: &str) -> Option<String> {
    let off = value == "0";
    let text = match flag {
        "allow-shell" if off => "Terminals can't be opened.",
        "allow-file-downloads" if off => "Files can't be downloaded to your computer.",
        "allow-file-uploads" if off => "Files can't be uploaded from your computer.",
        "allow-package-installation" if off => {
            "Extensions and packages can't be installed from the IDE's menus."
        }
        "allow-publish" if off => "Documents can't be published.",
        "allow-external-publish" if off => "Documents can't be published to outside services.",
        "allow-vcs" if off => "The IDE's version control (git) is switched off.",
        "restrict-directory-view" if value == "1" => {
            "The IDE shows only your home and the folders that are listed as allowed."
        }
        "limit-file-upload-size-mb" if !off => {
            return Some(format!("Files larger than {value} MB can't be uploaded."));
        }
        "session-timeout-minutes" if !off => {
            return Some(format!("A session that nobody uses for {value} minutes is ended."));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_restricts_has_a_meaning() {
        assert!(meaning("allow-shell", "0").is_some_and(|text| text.contains("Terminals")));
        assert_eq!(meaning("allow-shell", "1"), None);
        assert_eq!(meaning("limit-file-upload-size-mb", "0"), None);
        assert!(meaning("limit-file-upload-size-mb", "50").is_some_and(|text| text.contains("50 MB")));
        assert_eq!(meaning("unheard-of", "0"), None);
    }
}
