//! What an administrator does with the running daemon: looks at it, ends sessions, revokes, closes and opens the door, reloads.
//!
//! Every command asks the daemon and prints its answer; what it may do, the daemon decides.

pub(crate) mod end;
mod load;
pub(crate) mod logs;
pub(crate) mod people;
pub(crate) mod reload;
pub(crate) mod revoke;
pub(crate) mod rstudio;
pub(crate) mod service;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod why;

use clap::{Args, Subcommand};
use nix::unistd::{Uid, User};
use portcullis_model::session::Manner;
use portcullis_model::{SessionId, UserName};
use portcullis_wire::admin::Which;

use crate::Answer;
use crate::daemon::RunDir;

/// Where the daemon is asked, and for whom the answer is.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    #[command(flatten)]
    pub(crate) run_dir: RunDir,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// Ask the daemon how it is; only root may.
    ///
    /// Exits with 0 when it serves, with 1 when it runs and doesn't, with 3 when it doesn't run, with 4 when that can't be said.
    Status(Asking),
    /// List sessions: whose, in what state, for how long, and what they use.
    Sessions(sessions::Sessions),
    /// End, suspend or explain a session.
    #[command(subcommand)]
    Session(Session),
    /// List who is signed in or has a session; with a command, look after the accounts.
    #[command(visible_alias = "list-users")]
    Users(Box<crate::users::Users>),
    /// End everything of a person at once: sign-ins, connections, sessions with all their processes.
    ///
    /// It is on disk before it is answered, so no restart brings anything back. Prints how many of each were ended, and how long it
    /// took. The person may sign in again: lock the account to prevent that.
    ///
    /// Exits with 0 when everything is gone, with 1 when something is left after seven seconds, with 67 when there is no such account.
    Revoke(revoke::Revoke),
    /// Let nobody in for a while: every page is answered with a message. Sessions go on.
    ///
    /// What is open to sessions ends, nobody signs in and nothing is started, also after a restart, until `online`. Health checks are
    /// answered as ever, and whoever is signed in as an administrator keeps the pages for administrators.
    Offline(reload::Offline),
    /// Let people in again.
    Online(Asking),
    /// Have the daemon read its configuration again, and say what became of it.
    ///
    /// Exits with 0 when it is in force, with 78 when it is wrong: the old one stays then, and every problem is printed.
    Reload(Asking),
    /// Show the daemon's log: the journal's, where there is one.
    Logs(logs::Logs),
    /// Check that everything that sessions need is there and works, and say what isn't.
    ///
    /// Looks at the configuration, the programs of Portcullis, PAM, directories, the port and the control groups, and starts each IDE's program
    /// once as the server's account to see that it runs. No session is started.
    VerifyInstallation(verify::Verify),
}

/// What is done to a session.
#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Kill all processes of a session at once. What isn't saved is lost.
    Kill(end::End),
    /// Ask a session to end, and give it time to save.
    Stop(end::End),
    /// Have RStudio save its state and go, unless something runs in it; sessions of other IDEs are asked to end.
    Suspend {
        #[command(flatten)]
        end: end::End,
        /// Whatever runs in it.
        #[arg(long)]
        force: bool,
    },
    /// Say what keeps a session, and until when.
    WhyAlive(why::WhyAlive),
}

impl Operation {
    /// Carries it out.
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        match self {
            Self::Status(asking) => status::status(asking),
            Self::Sessions(sessions) => sessions.run(),
            Self::Session(Session::Kill(end)) => end.run(Manner::Kill),
            Self::Session(Session::Stop(end)) => end.run(Manner::Stop),
            Self::Session(Session::Suspend { end, force }) => {
                end.run(if *force { Manner::ForceSuspend } else { Manner::Suspend })
            }
            Self::Session(Session::WhyAlive(why)) => why.run(),
            Self::Users(people) => people.run(),
            Self::Revoke(revoke) => revoke.run(),
            Self::Offline(offline) => offline.run(),
            Self::Online(asking) => reload::online(asking),
            Self::Reload(asking) => reload::reload(asking),
            Self::Logs(logs) => logs.run(),
            Self::VerifyInstallation(verify) => verify.run(),
        }
    }
}

/// `ID` or `USER`: sixteen hexadecimal digits are always an id.
fn which(text: &str) -> Result<Which, String> {
    if let Ok(id) = text.parse::<SessionId>() {
        return Ok(Which::Session(id));
    }
    text.parse::<UserName>()
        .map(Which::User)
        .map_err(|error| format!("neither a session's id nor a name: {error}"))
}

/// `PID` or `ID`, as RStudio Server's commands take them.
fn process_or_id(text: &str) -> Result<Which, String> {
    if let Ok(id) = text.parse::<SessionId>() {
        return Ok(Which::Session(id));
    }
    let pid = text.parse::<i32>().ok().filter(|pid| *pid > 0);
    pid.map(Which::Process).ok_or_else(|| "neither a process nor a session's id".to_owned())
}

/// Who asks, for people to read: who signed in to the machine, else who became root. The audit log has what the kernel says beside it.
pub(crate) fn administrator() -> String {
    let login = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse().ok());
    let named = |uid: u32| User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
    let of_login = login.filter(|uid| *uid != u32::MAX).and_then(named);
    of_login.or_else(|| std::env::var("SUDO_USER").ok()).unwrap_or_else(|| "root".to_owned())
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_told_apart() {
        assert!(matches!(which("0011223344556677"), Ok(Which::Session(_))));
        assert!(matches!(which("alice"), Ok(Which::User(_))));
        assert!(matches!(which("4711"), Ok(Which::User(_)) | Err(_)));
        assert!(which("a/b").is_err() && which("").is_err());
        assert!(matches!(process_or_id("4711"), Ok(Which::Process(4711))));
        assert!(matches!(process_or_id("0011223344556677"), Ok(Which::Session(_))));
        for bad in ["0", "-1", "alice", "", "99999999999"] {
            assert!(process_or_id(bad).is_err(), "{bad}");
        }
    }
}
