//! The vocabulary of the policy: what a request can do, whatever the IDE.
//!
//! Adapters translate an IDE's routes into these words; flags give or deny them. New IDEs need new tables, not new words.

use std::fmt;

/// Something a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// The interface itself: pages, scripts, settings, state of the workspace.
    Ui,
    /// Listing a folder.
    Browse,
    /// Opening a document in an editor.
    Read,
    /// Saving, creating, renaming or deleting a document.
    Write,
    /// Bringing a file in.
    Upload,
    /// Taking a file out.
    Download,
    /// A terminal, or another program started for the person at the interface's wish.
    Shell,
    /// Running code in a kernel.
    ExecuteCode,
    /// Installing packages or extensions.
    InstallPackage,
    /// Version control.
    Vcs,
    /// Publishing content anywhere.
    Publish,
    /// Publishing content outside the organisation.
    PublishExternal,
    /// Choosing the program that version control runs.
    VcsExecutableEdit,
    /// Choosing where R packages come from.
    CranReposEdit,
    /// Publishing to RPubs, which everybody can read.
    RpubsPublish,
    /// Commands that a presentation carries and the interface runs.
    PresentationCommands,
    /// Jobs handed to a launcher of jobs.
    LauncherJobs,
    /// Removing, moving or renaming the folder `Public` of the home.
    RemovePublicFolder,
    /// A terminal's own WebSocket, where there is another way to a terminal.
    TerminalSocket,
    /// Reaching another program's port through the IDE.
    PortProxy,
    /// Ending the IDE.
    EndSession,
    /// Nobody knows: the route is in no table.
    Unknown,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::Ui,
        Self::Browse,
        Self::Read,
        Self::Write,
        Self::Upload,
        Self::Download,
        Self::Shell,
        Self::ExecuteCode,
        Self::InstallPackage,
        Self::Vcs,
        Self::Publish,
        Self::PublishExternal,
        Self::VcsExecutableEdit,
        Self::CranReposEdit,
        Self::RpubsPublish,
        Self::PresentationCommands,
        Self::LauncherJobs,
        Self::RemovePublicFolder,
        Self::TerminalSocket,
        Self::PortProxy,
        Self::EndSession,
        Self::Unknown,
    ];

    /// The word of logs, the audit log and configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ui => "ui",
            Self::Browse => "browse",
            Self::Read => "read",
            Self::Write => "write",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Shell => "shell",
            Self::ExecuteCode => "execute-code",
            Self::InstallPackage => "install-package",
            Self::Vcs => "vcs",
            Self::Publish => "publish",
            Self::PublishExternal => "publish-external",
            Self::VcsExecutableEdit => "vcs-executable-edit",
            Self::CranReposEdit => "cran-repos-edit",
            Self::RpubsPublish => "rpubs-publish",
            Self::PresentationCommands => "presentation-commands",
            Self::LauncherJobs => "launcher-jobs",
            Self::RemovePublicFolder => "remove-public-folder",
            Self::TerminalSocket => "terminal-socket",
            Self::PortProxy => "port-proxy",
            Self::EndSession => "end-session",
            Self::Unknown => "unknown",
        }
    }

    /// What a person reads.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Ui => "Interface",
            Self::Browse => "List folders",
            Self::Read => "Open documents",
            Self::Write => "Save documents",
            Self::Upload => "Upload files",
            Self::Download => "Download files",
            Self::Shell => "Terminal",
            Self::ExecuteCode => "Run code",
            Self::InstallPackage => "Install packages and extensions",
            Self::Vcs => "Version control",
            Self::Publish => "Publish",
            Self::PublishExternal => "Publish outside",
            Self::VcsExecutableEdit => "Choose the git program",
            Self::CranReposEdit => "Choose package repositories",
            Self::RpubsPublish => "Publish to RPubs",
            Self::PresentationCommands => "Commands in presentations",
            Self::LauncherJobs => "Jobs on other machines",
            Self::RemovePublicFolder => "Remove the folder Public",
            Self::TerminalSocket => "Terminals over a WebSocket",
            Self::PortProxy => "Reach other programs' ports",
            Self::EndSession => "End the session",
            Self::Unknown => "Unknown request",
        }
    }

    /// From the word of [`Capability::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.word() == word)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_one_capability() {
        for capability in Capability::ALL {
            assert_eq!(Capability::from_word(capability.word()), Some(capability));
            assert!(!capability.title().is_empty());
            assert_eq!(Capability::ALL[capability as usize], capability, "tables are indexed by it");
        }
        assert_eq!(Capability::from_word("Shell"), None);
    }
}
