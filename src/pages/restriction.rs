//! What a server restricts, in a person's words.

use portcullis_model::{Effect, Level, SessionId};

use crate::when;

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
    /// Whether it is enforced or only recorded.
    pub effect: Effect,
    /// How it is held.
    pub level: Level,
    /// What remains possible in spite of it; empty for nothing worth saying.
    pub remains: &'a str,
}

impl Restriction<'_> {
    pub(crate) const fn note(&self) -> &'static str {
        if matches!(self.effect, Effect::Audit) {
            return "Not enforced: what it forbids goes through and is recorded.";
        }
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
        "allow-terminal-websockets" if off => {
            "RStudio's terminal works without a WebSocket, a little slower."
        }
        "allow-r-cran-repos-edit" if off => "In RStudio you can't choose where packages come from.",
        "allow-rpubs-publish" if off => "Documents can't be published to RPubs.",
        "allow-vcs-executable-edit" if off => "In RStudio you can't choose the git program.",
        "allow-remove-public-folder" if off => "In RStudio the folder Public of your home can't be removed.",
        "allow-presentation-commands" if off => "In RStudio presentations can't run commands.",
        "allow-launcher-jobs" if off => "In RStudio no jobs can be handed to other machines.",
        "limit-cpu-time-minutes" if !off => {
            return Some(format!(
                "In RStudio a computation is stopped after {value} minutes of processor time."
            ));
        }
        "limit-xfs-disk-quota" if value == "1" => "RStudio warns you before your disk quota is used up.",
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

/// A flag that is lifted for this person, for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifted<'a> {
    /// The option's name.
    pub flag: &'a str,
    /// In this session only.
    pub session: Option<SessionId>,
    /// Why, in the administrator's words.
    pub reason: &'a str,
    /// Until when, in seconds since 1970.
    pub until: u64,
}

impl Lifted<'_> {
    /// For `<time datetime>`.
    pub(crate) fn rfc3339(&self) -> String {
        when::rfc3339(self.until)
    }

    /// For reading.
    pub(crate) fn until_words(&self, now: u64) -> String {
        format!("{} ({})", when::clock(self.until), when::ahead(self.until, now))
    }
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
