//! What each flag is about: its words, its reach and what it can't reach. One entry per flag; pages and the reference
//! are made of it.

use crate::Capability;

/// What is known of a flag, whatever its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Name of the option.
    pub name: &'static str,
    /// What a person reads on the home page.
    pub title: &'static str,
    /// Capabilities it takes away.
    pub takes: &'static [Capability],
    /// The first half of a refusal: what is refused. The reason follows after a colon.
    pub refused: &'static str,
    /// The end of a refusal: what to do instead.
    pub advice: &'static str,
    /// JupyterLab's own switches that are set too, where it has any.
    pub jupyter_switch: Option<&'static str>,
    /// What remains possible in spite of it.
    pub remains: &'static str,
}

/// `allow-shell`.
pub const SHELL: About = About {
    name: "allow-shell",
    title: "Terminals",
    takes: &[Capability::Shell],
    refused: "Terminals are switched off here",
    advice: "Notebooks and consoles still run code. If you need a terminal, ask your administrator and name that line.",
    jupyter_switch: Some(
        "`ServerApp.terminals_enabled=False`, the language servers' extension off, both plugins hidden",
    ),
    remains: "A notebook cell can start programs (`!id`, `%%bash`, `os.system`): the proxy sees a cell, not what it does.",
};

/// `allow-file-uploads`.
pub const UPLOADS: About = About {
    name: "allow-file-uploads",
    title: "File uploads",
    takes: &[Capability::Upload],
    refused: "Bringing files in is switched off here",
    advice: "Documents you opened can still be edited and saved. If you need the file here, ask your administrator.",
    jupyter_switch: None,
    remains: "Text typed or pasted into an editor can be saved (up to 8 MiB), notebooks carry what is put into their cells, \
              and a cell can decode pasted text or fetch from the network.",
};

/// `allow-file-downloads`.
pub const DOWNLOADS: About = About {
    name: "allow-file-downloads",
    title: "File downloads",
    takes: &[Capability::Download],
    refused: "Taking files out is switched off here",
    advice: "Text files and notebooks can still be opened. If you need the file elsewhere, ask your administrator.",
    jupyter_switch: Some("the plugins that download, export and share are hidden"),
    remains: "What an editor or a cell's output shows can be copied off the screen, and code can send data over the network \
              or write it to a folder from which the interface serves its own extensions.",
};

/// `allow-package-installation`.
pub const PACKAGES: About = About {
    name: "allow-package-installation",
    title: "Package installation",
    takes: &[Capability::InstallPackage],
    refused: "Installing extensions and packages through the interface is switched off here",
    advice: "Ask your administrator to install what you need for everybody.",
    jupyter_switch: Some("`LabApp.extension_manager=readonly`, the extension manager hidden"),
    remains: "A cell can run `%pip install` into folders the person may write.",
};

/// `allow-publish`.
pub const PUBLISH: About = About {
    name: "allow-publish",
    title: "Publishing",
    takes: &[Capability::Publish, Capability::PublishExternal],
    refused: "Publishing is switched off here",
    advice: "Ask your administrator where results may be shared.",
    jupyter_switch: None,
    remains: "A cell can run `git push` or send data over the network.",
};

/// `allow-external-publish`.
pub const EXTERNAL_PUBLISH: About = About {
    name: "allow-external-publish",
    title: "Publishing outside",
    takes: &[Capability::PublishExternal],
    refused: "Publishing to places outside is switched off here",
    advice: "Ask your administrator where results may be shared.",
    jupyter_switch: None,
    remains: "A cell can run `git push` or send data over the network.",
};

/// `allow-vcs`.
pub const VCS: About = About {
    name: "allow-vcs",
    title: "Version control",
    takes: &[Capability::Vcs],
    refused: "Version control in the interface is switched off here",
    advice: "If you need it, ask your administrator and name that line.",
    jupyter_switch: Some("the server extensions `jupyterlab_git` and `nbdime` are off, their plugins hidden"),
    remains: "A cell can run `git`.",
};

/// `restrict-directory-view`.
pub const DIRECTORIES: About = About {
    name: "restrict-directory-view",
    title: "Folders outside your home",
    takes: &[],
    refused: "Folders outside your home are out of reach here",
    advice: "If you need that folder, ask your administrator to add it to directory-view-allow-list.",
    jupyter_switch: Some("`ServerApp.root_dir` is the home directory"),
    remains: "A cell or a terminal reads whatever file permissions allow; and a link that is changed between the check and \
              the opening is followed, which only somebody who can run code can time.",
};

/// `limit-file-upload-size-mb`.
pub const UPLOAD_LIMIT: About = About {
    name: "limit-file-upload-size-mb",
    title: "Largest upload",
    takes: &[],
    refused: "The file is larger than uploads may be here",
    advice: "Split the file, or ask your administrator to bring it to the machine another way.",
    jupyter_switch: None,
    remains: "JupyterLab sends a larger file as numbered pieces of 1 MiB. Each piece is checked, and the number says how much \
              came before; a client of one's own can number falsely and append without end. Saved notebooks are not \
              counted, saved text only beyond 8 MiB.",
};

/// All flags in the order pages show them.
pub const ALL: [&About; 9] =
    [&SHELL, &UPLOADS, &DOWNLOADS, &PACKAGES, &PUBLISH, &EXTERNAL_PUBLISH, &VCS, &DIRECTORIES, &UPLOAD_LIMIT];
