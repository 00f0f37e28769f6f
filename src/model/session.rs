//! What a session is and the states it goes through.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lifetime::Warning;
use crate::load::{Load, Whose};
use crate::{AppName, Port, Secret, SessionId, UserName};

/// The IDEs a session can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ide {
    /// JupyterLab 4 (with Notebook 7's routes).
    Jupyter,
    /// RStudio: `rsession` of RStudio Server.
    Rstudio,
    /// VS Code in the browser: code-server.
    CodeServer,
    /// Any other web application, declared in `adapters.conf`.
    App(AppName),
}

impl Ide {
    /// Those that need no declaration, in the order pages show them.
    pub const BUILT_IN: [Self; 3] = [Self::Rstudio, Self::Jupyter, Self::CodeServer];

    /// The word used in URLs, forms, logs and the audit log.
    pub fn word(&self) -> &str {
        match self {
            Self::Jupyter => "jupyter",
            Self::Rstudio => "rstudio",
            Self::CodeServer => "code-server",
            Self::App(name) => name.as_str(),
        }
    }

    /// The name a person reads; of a declared application its bare name, where its title isn't at hand.
    pub fn title(&self) -> &str {
        match self {
            Self::Jupyter => "JupyterLab",
            Self::Rstudio => "RStudio",
            Self::CodeServer => "VS Code",
            Self::App(name) => name.as_str(),
        }
    }

    /// From the word of [`Ide::word`]. Whether an application of that name is declared is for the caller to ask.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|ide| ide.word() == word).or_else(|| word.parse().ok().map(Self::App))
    }
}

impl fmt::Display for Ide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The steps of a start, in order; a page shows them, and the one that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A port of the range (or the hand-over socket) is bound by root.
    Port,
    /// The PAM session of the user is open.
    PamSession,
    /// Ids, groups, limits and environment are the user's; the way back was tried and is closed.
    BecomeUser,
    /// The IDE's program runs.
    StartIde,
    /// The IDE answers on its socket.
    Answer,
}

impl Step {
    /// All steps in order.
    pub const ALL: [Self; 5] = [Self::Port, Self::PamSession, Self::BecomeUser, Self::StartIde, Self::Answer];

    /// What a person reads.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Port => "Reserve a connection",
            Self::PamSession => "Open your account's session",
            Self::BecomeUser => "Switch to your account",
            Self::StartIde => "Start the IDE",
            Self::Answer => "Wait for its first answer",
        }
    }
}

/// Where a session is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Being started; the step under way.
    Launching(Step),
    /// The IDE answers.
    Running,
    /// Told to end; its processes are going.
    Ending,
    /// Gone. Kept for a while so that its owner can read why.
    Ended(End),
}

impl State {
    /// The word of it in tables and answers.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Launching(_) => "launching",
            Self::Running => "running",
            Self::Ending => "ending",
            Self::Ended(End { suspended: true, .. }) => "suspended",
            Self::Ended(_) => "ended",
        }
    }

    /// Whether its processes may still be there.
    pub const fn is_live(&self) -> bool {
        !matches!(self, Self::Ended(_))
    }
}

/// Why and how a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The reason.
    pub why: EndReason,
    /// When it failed to start: the step.
    pub step: Option<Step>,
    /// The last lines of the IDE's output, at most [`OUTPUT_LINES`], control characters replaced.
    pub output: Vec<String>,
    /// Seconds since 1970.
    pub at: u64,
    /// Whether the IDE saved its state, so that it comes back when it is started again.
    #[serde(default)]
    pub suspended: bool,
}

/// How many lines of an IDE's output are kept for its owner.
pub const OUTPUT_LINES: usize = 20;

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Its owner stopped it.
    Stopped,
    /// Nobody used it for so many minutes (`session-timeout-minutes`).
    Idle(u32),
    /// No browser was there for so many minutes (`session-disconnected-timeout-minutes`).
    Disconnected(u32),
    /// Nobody used it for so many hours, whatever it computed (`session-timeout-kill-hours`).
    KillHours(u32),
    /// It was so many hours old (`session-max-age-hours`).
    MaximumAge(u32),
    /// It could not be started; the text says what and why.
    StartFailed(String),
    /// The IDE exited by itself; the text says with what status.
    IdeExited(String),
    /// The session's own process or its keeper was killed.
    Killed,
    /// The kernel ended the IDE because memory was used up.
    OutOfMemory {
        /// Whose.
        whose: Whose,
        /// The limit in megabytes; 0 of the machine's.
        limit_mb: u64,
    },
    /// An administrator ended it, or the owner's sign-ins were revoked.
    Revoked,
    /// This administrator ended it.
    Administrator(String),
    /// Its owner suspended it.
    Suspended,
    /// Its owner's groups or role are others now, and would have it held tighter than a running one can be (`membership-change`).
    Membership,
}

/// How a session is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// The IDE is asked to end and has `session-end-seconds` for it.
    Stop,
    /// RStudio saves its state and goes, if nothing runs in it; a session of another IDE is stopped.
    Suspend,
    /// RStudio saves its state and goes, whatever runs in it; a session of another IDE is stopped.
    ForceSuspend,
    /// All processes are killed at once.
    Kill,
}

/// Unix socket through which the server reaches a session, below the run directory: `control/<id>.sock`.
pub fn door_path(run_dir: &std::path::Path, id: SessionId) -> std::path::PathBuf {
    run_dir.join("control").join(format!("{id}.sock"))
}

/// How the server's bytes get to the IDE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A loopback port of `session-port-range`, relayed by the session process to the IDE's private socket.
    Tcp(Port),
    /// The session process connects to the IDE's private socket and hands the connection over; no relay.
    Unix,
}

/// A session as launcher and server know it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Its owner.
    pub user: UserName,
    /// What it runs.
    pub ide: Ide,
    /// Where it is in its life.
    pub state: State,
    /// How to reach it.
    pub transport: Transport,
    /// What only the proxy adds to a request, so that the IDE answers it and nobody else.
    pub token: Secret,
    /// Seconds since 1970.
    pub started: u64,
    /// The last act of a person, in seconds since 1970.
    pub last_activity: u64,
    /// What it uses of its limits, as it was looked at last.
    #[serde(default)]
    pub load: Load,
    /// That it will end, when that is near.
    #[serde(default)]
    pub warning: Option<Warning>,
    /// Options that its owner's groups of now set, and that the kernel doesn't hold in it, for it was started before
    /// (`membership-change=restrict`).
    #[serde(default)]
    pub unheld: Vec<String>,
}

/// How to start an IDE, made by `portcullis_policy` from the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IdeCommand {
    /// Absolute path of the program.
    pub program: String,
    /// Its arguments, without the program's name. No secrets: arguments are visible to others.
    pub args: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Secret variables of the environment (the IDE's token).
    pub secret_env: Vec<(String, Secret)>,
    /// Working directory.
    pub cwd: String,
    /// The Unix socket the IDE will listen on, absolute, inside the session's directory.
    pub socket: String,
    /// Files to write before the start, relative to the session's directory (switches of the IDE's own).
    pub files: Vec<(String, String)>,
    /// Path that answers 200 without authorisation once the IDE is up, e.g. `/s/<id>/api`.
    pub probe: String,
}
