//! What each flag is about: its words, its reach and what it can't reach. One entry per flag; pages and the reference
//! are made of it.

use portcullis_model::Level;
use portcullis_model::session::Ide;

use crate::Capability;

/// Which IDEs a flag is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concerns {
    /// Every one.
    Every,
    /// RStudio alone: what it forbids exists nowhere else.
    Rstudio,
}

impl Concerns {
    /// Whether it is about this IDE.
    pub const fn includes(self, ide: Ide) -> bool {
        match self {
            Self::Every => true,
            Self::Rstudio => matches!(ide, Ide::Rstudio),
        }
    }
}

/// What is known of a flag, whatever its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Name of the option.
    pub name: &'static str,
    /// What a person reads on the home page.
    pub title: &'static str,
    /// The IDEs it is about.
    pub concerns: Concerns,
    /// Capabilities it takes away.
    pub takes: &'static [Capability],
    /// The first half of a refusal: what is refused. The reason follows after a colon.
    pub refused: &'static str,
    /// The end of a refusal: what to do instead.
    pub advice: &'static str,
    /// JupyterLab's own switches that are set too, where it has any.
    pub jupyter_switch: Option<&'static str>,
    /// RStudio's own options that are set too, where it heeds any.
    pub rstudio_switch: Option<&'static str>,
    /// code-server's own switches that are set too, where they are more than cosmetic.
    pub code_server_switch: Option<&'static str>,
    /// What remains possible in spite of it.
    pub remains: &'static str,
    /// What remains possible where the kernel holds it too; empty where it never does.
    pub remains_held: &'static str,
    /// Why no request is refused for it, where none is.
    pub unheld: Option<&'static str>,
}

impl About {
    /// A flag of every IDE that takes capabilities away; further words are set beside.
    const fn new(name: &'static str, title: &'static str, takes: &'static [Capability]) -> Self {
        Self {
            name,
            title,
            concerns: Concerns::Every,
            takes,
            refused: "",
            advice: "If you need it, ask your administrator and name that line.",
            jupyter_switch: None,
            rstudio_switch: None,
            code_server_switch: None,
            remains: "",
            remains_held: "",
            unheld: None,
        }
    }

    /// A flag of RStudio alone.
    const fn rstudio(name: &'static str, title: &'static str, takes: &'static [Capability]) -> Self {
        Self { concerns: Concerns::Rstudio, ..Self::new(name, title, takes) }
    }

    /// The IDE's own switches that are set when the flag restricts, in words.
    pub const fn switch(&self, ide: Ide) -> Option<&'static str> {
        match ide {
            Ide::Jupyter => self.jupyter_switch,
            Ide::Rstudio => self.rstudio_switch,
            Ide::CodeServer => self.code_server_switch,
            Ide::App(_) => None,
        }
    }

    /// What remains possible where it holds at this level.
    pub fn remains_at(&self, level: Level) -> &'static str {
        if level == Level::Kernel && !self.remains_held.is_empty() { self.remains_held } else { self.remains }
    }

    /// From its name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|about| about.name == name)
    }
}

/// `allow-shell`.
pub const SHELL: About = About {
    refused: "Terminals are switched off here",
    advice: "Notebooks and consoles still run code. If you need a terminal, ask your administrator and name that line.",
    jupyter_switch: Some(
        "`ServerApp.terminals_enabled=False`, the language servers' extension off, both plugins hidden",
    ),
    remains: "Code can start programs (`!id` in a cell, `system()` in R, a task of an extension): the proxy sees code, not what it \
              does.",
    remains_held: "Code runs on, and does with files and network what a shell could. Python, R and node are no shells, but languages.",
    ..About::new("allow-shell", "Terminals", &[Capability::Shell])
};

/// `allow-file-uploads`.
pub const UPLOADS: About = About {
    refused: "Bringing files in is switched off here",
    advice: "Documents you opened can still be edited and saved. If you need the file here, ask your administrator.",
    remains: "Text typed or pasted into an editor can be saved (up to 8 MiB), notebooks carry what is put into their cells, \
              and code can decode pasted text or fetch from what `session-network` lets through.",
    ..About::new("allow-file-uploads", "File uploads", &[Capability::Upload])
};

/// `allow-file-downloads`.
pub const DOWNLOADS: About = About {
    refused: "Taking files out is switched off here",
    advice: "Text files and notebooks can still be opened. If you need the file elsewhere, ask your administrator.",
    jupyter_switch: Some("the plugins that download, export and share are hidden"),
    remains: "What an editor or the output of code shows can be copied off the screen, and code can send data to what \
              `session-network` lets through, or write it to a folder from which the interface serves its own extensions.",
    ..About::new("allow-file-downloads", "File downloads", &[Capability::Download])
};

/// `allow-package-installation`.
pub const PACKAGES: About = About {
    refused: "Installing extensions and packages through the interface is switched off here",
    advice: "Ask your administrator to install what you need for everybody.",
    jupyter_switch: Some("`LabApp.extension_manager=readonly`, the extension manager hidden"),
    remains: "Code can install into folders the person may write (`%pip install`, `install.packages()`), from what \
              `session-network` lets through. With `allow-shell=0` beside it, no file in them is loaded as machine code where the \
              kernel holds that flag.",
    ..About::new("allow-package-installation", "Package installation", &[Capability::InstallPackage])
};

/// `allow-publish`.
pub const PUBLISH: About = About {
    refused: "Publishing is switched off here",
    advice: "Ask your administrator where results may be shared.",
    remains: "Code can run `git push` or send data to what `session-network` lets through.",
    remains_held: "What the screen shows can be copied off it, and files can be downloaded where `allow-file-downloads` lets them.",
    ..About::new(
        "allow-publish",
        "Publishing",
        &[Capability::Publish, Capability::PublishExternal, Capability::RpubsPublish],
    )
};

/// `allow-external-publish`.
pub const EXTERNAL_PUBLISH: About = About {
    refused: "Publishing to places outside is switched off here",
    advice: "Ask your administrator where results may be shared.",
    remains: "Code can run `git push` or send data to what `session-network` lets through.",
    remains_held: "What the screen shows can be copied off it, and files can be downloaded where `allow-file-downloads` lets them.",
    ..About::new(
        "allow-external-publish",
        "Publishing outside",
        &[Capability::PublishExternal, Capability::RpubsPublish],
    )
};

/// `allow-vcs`.
pub const VCS: About = About {
    refused: "Version control in the interface is switched off here",
    jupyter_switch: Some("the server extensions `jupyterlab_git` and `nbdime` are off, their plugins hidden"),
    remains: "Code can run `git`; with `allow-shell=0` beside it, only what does the same without that program.",
    ..About::new("allow-vcs", "Version control", &[Capability::Vcs])
};

/// `restrict-directory-view`.
pub const DIRECTORIES: About = About {
    refused: "Folders outside your home are out of reach here",
    advice: "If you need that folder, ask your administrator to add it to directory-view-allow-list.",
    jupyter_switch: Some("`ServerApp.root_dir` is the home directory"),
    remains: "Code and terminals read whatever file permissions allow; and a link that is changed between the check and \
              the opening is followed, which only somebody who can run code can time.",
    remains_held: "Code reads what programs need of the system (`/usr`, `/etc`, `/opt`), as file permissions allow; and whoever knows a \
                   name can ask whether it is there.",
    ..About::new("restrict-directory-view", "Folders outside your home", &[])
};

/// `limit-file-upload-size-mb`.
pub const UPLOAD_LIMIT: About = About {
    refused: "The file is larger than uploads may be here",
    advice: "Split the file, or ask your administrator to bring it to the machine another way.",
    remains: "JupyterLab sends a larger file as numbered pieces of 1 MiB. Each piece is checked, and the number says how much \
              came before; a client of one's own can number falsely and append without end. Saved notebooks are not \
              counted, saved text only beyond 8 MiB.",
    ..About::new("limit-file-upload-size-mb", "Largest upload", &[])
};

/// `allow-terminal-websockets`.
pub const TERMINAL_SOCKETS: About = About {
    refused: "Terminals may not use a WebSocket here",
    advice: "The terminal goes on over ordinary requests, a little slower.",
    remains: "The terminal itself is not forbidden: RStudio asks for its output by requests instead.",
    ..About::rstudio("allow-terminal-websockets", "Terminals over WebSockets", &[Capability::TerminalSocket])
};

/// `allow-r-cran-repos-edit`.
pub const CRAN_REPOS: About = About {
    refused: "Choosing where R packages come from is switched off here",
    remains: "Code in the console can set `options(repos = …)`.",
    ..About::rstudio(
        "allow-r-cran-repos-edit",
        "Choice of package repositories",
        &[Capability::CranReposEdit],
    )
};

/// `allow-rpubs-publish`.
pub const RPUBS_PUBLISH: About = About {
    refused: "Publishing to RPubs is switched off here",
    advice: "Ask your administrator where results may be shared.",
    remains: "Code in the console can send data to what `session-network` lets through.",
    remains_held: "What the screen shows can be copied off it, and files can be downloaded where `allow-file-downloads` lets them.",
    ..About::rstudio("allow-rpubs-publish", "Publishing to RPubs", &[Capability::RpubsPublish])
};

/// `allow-vcs-executable-edit`.
pub const VCS_EXECUTABLE: About = About {
    refused: "Choosing the git program is switched off here",
    remains: "Code can run any program the person may run.",
    ..About::rstudio(
        "allow-vcs-executable-edit",
        "Choice of the git program",
        &[Capability::VcsExecutableEdit],
    )
};

/// `allow-remove-public-folder`.
pub const PUBLIC_FOLDER: About = About {
    refused: "The folder `Public` of your home may not be removed here",
    remains: "Code and terminals can remove it.",
    ..About::rstudio(
        "allow-remove-public-folder",
        "Removing the folder Public",
        &[Capability::RemovePublicFolder],
    )
};

/// `allow-presentation-commands`.
pub const PRESENTATION_COMMANDS: About = About {
    refused: "Commands in presentations are switched off here",
    advice: "Run the code of the presentation in the console. If you need it, ask your administrator.",
    remains: "The same code runs in the console when the person types it.",
    ..About::rstudio(
        "allow-presentation-commands",
        "Commands in presentations",
        &[Capability::PresentationCommands],
    )
};

/// `allow-launcher-jobs`.
pub const LAUNCHER_JOBS: About = About {
    refused: "Jobs on other machines are switched off here",
    remains: "Background jobs of the session itself are code like any other.",
    ..About::rstudio("allow-launcher-jobs", "Jobs on other machines", &[Capability::LauncherJobs])
};

/// `limit-cpu-time-minutes`.
pub const CPU_TIME: About = About {
    rstudio_switch: Some("`--limit-cpu-time-minutes` is passed to `rsession`"),
    remains: "R code can lift the limit again (`setTimeLimit`), and programs started from R are not counted.",
    unheld: Some(
        "no request can be refused for it; RStudio's own limit is set, other IDEs have none. `max-processor-percent` of profiles \
         shares processors, the limit `cpu` of /etc/security/limits.conf ends processes",
    ),
    ..About::rstudio("limit-cpu-time-minutes", "Longest computation", &[])
};

/// `limit-xfs-disk-quota`.
pub const DISK_QUOTA: About = About {
    rstudio_switch: Some("`--limit-xfs-disk-quota` is passed to `rsession`"),
    remains: "It only warns: the quota itself is the file system's, and holds without it.",
    unheld: Some("it is a warning of RStudio's own, nothing is refused for it"),
    ..About::rstudio("limit-xfs-disk-quota", "Warning before the disk quota", &[])
};

/// `allow-full-ui`.
pub const FULL_UI: About = About {
    unheld: Some("RStudio shows one page only; there is no smaller one to offer in its place"),
    ..About::rstudio("allow-full-ui", "RStudio's whole page", &[])
};

/// `allow-over-limit-sessions`.
pub const OVER_LIMIT: About = About {
    unheld: Some(
        "nobody is let over it: the kernel ends processes of a session that reaches `max-memory-mb`, whoever owns it",
    ),
    ..About::new("allow-over-limit-sessions", "Sessions over their memory limit", &[])
};

/// The flags that something of this IDE is refused for, in the order pages show them.
pub fn of(ide: Ide) -> impl Iterator<Item = &'static About> {
    ALL.into_iter().filter(move |about| about.concerns.includes(ide) && about.unheld.is_none())
}

/// All flags in the order pages show them.
pub const ALL: [&About; 20] = [
    &SHELL,
    &TERMINAL_SOCKETS,
    &UPLOADS,
    &DOWNLOADS,
    &PACKAGES,
    &CRAN_REPOS,
    &PUBLISH,
    &EXTERNAL_PUBLISH,
    &RPUBS_PUBLISH,
    &VCS,
    &VCS_EXECUTABLE,
    &PUBLIC_FOLDER,
    &PRESENTATION_COMMANDS,
    &LAUNCHER_JOBS,
    &DIRECTORIES,
    &UPLOAD_LIMIT,
    &CPU_TIME,
    &DISK_QUOTA,
    &FULL_UI,
    &OVER_LIMIT,
];
