//! The verbs that an administrator of RStudio Server types, each mapped onto ours. `test-config`, `reload`, `status`, `offline`,
//! `online`, `verify-installation` and `list-users` are names of our own commands.
//!
//! A session is meant by its id or by any process of it: what `active-sessions` shows, `top` or `ps`.

use clap::{Args, Subcommand};
use portcullis_model::session::Manner;
use portcullis_wire::admin::{SessionRow, Which};

use super::service::{self, Service};
use super::{Asking, end, process_or_id, sessions};
use crate::Answer;
use crate::screen::{Cell, Column, Screen, table};

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List sessions with process, processor time and IDE, as RStudio Server does.
    #[command(hide = true)]
    ActiveSessions(Asking),
    /// Have RStudio's session save its state and go, unless something runs in it.
    #[command(hide = true)]
    SuspendSession(One),
    /// Do so with all sessions.
    #[command(hide = true)]
    SuspendAll(Asking),
    /// Have RStudio's session save its state and go, whatever runs in it.
    #[command(hide = true)]
    ForceSuspendSession(One),
    /// Do so with all sessions.
    #[command(hide = true)]
    ForceSuspendAll(Asking),
    /// Kill all processes of a session.
    #[command(hide = true)]
    KillSession(One),
    /// Kill all processes of all sessions.
    #[command(hide = true)]
    KillAll(Asking),
    /// Start the daemon, if its configuration is right.
    Start(Service),
    /// Stop the daemon; sessions go on.
    Stop(Service),
    /// Start the daemon anew, if its configuration is right; sessions and connections go on.
    Restart(Service),
    /// Print the version.
    #[command(hide = true)]
    Version,
}

/// One session.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Any process of the session, or its id.
    #[arg(value_name = "PID|ID", value_parser = process_or_id)]
    which: Which,
    #[command(flatten)]
    asking: Asking,
}

impl Verb {
    /// Carries it out.
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let one = |one: &One, manner| end::end(&one.asking, &one.which, manner, false);
        let all = |asking: &Asking, manner| end::end(asking, &Which::All, manner, true);
        match self {
            Self::ActiveSessions(asking) => active(asking),
            Self::SuspendSession(session) => one(session, Manner::Suspend),
            Self::SuspendAll(asking) => all(asking, Manner::Suspend),
            Self::ForceSuspendSession(session) => one(session, Manner::ForceSuspend),
            Self::ForceSuspendAll(asking) => all(asking, Manner::ForceSuspend),
            Self::KillSession(session) => one(session, Manner::Kill),
            Self::KillAll(asking) => all(asking, Manner::Kill),
            Self::Start(service) => service::control("start", service),
            Self::Stop(service) => service::control("stop", service),
            Self::Restart(service) => service::control("restart", service),
            Self::Version => {
                Ok(Answer { text: format!("{}\n", env!("CARGO_PKG_VERSION")), ..Answer::default() })
            }
        }
    }
}

const COLUMNS: [Column; 5] = [
    Column { head: "PID", right: true, spare: 0 },
    Column { head: "TIME", right: true, spare: 0 },
    Column { head: "USER", right: false, spare: 0 },
    Column { head: "COMMAND", right: false, spare: 0 },
    Column { head: "ID", right: false, spare: 1 },
];

fn active(asking: &Asking) -> anyhow::Result<Answer> {
    let rows = sessions::ask(asking, Which::All, false)?;
    let text = if asking.json {
        format!("{}\n", serde_json::to_string_pretty(&rows.iter().map(sessions::object).collect::<Vec<_>>())?)
    } else {
        told(&rows, Screen::of_output())
    };
    Ok(Answer { text, ..Answer::default() })
}

fn told(rows: &[SessionRow], screen: Screen) -> String {
    if rows.is_empty() {
        return "no sessions\n".to_owned();
    }
    let cells = |row: &SessionRow| -> Vec<Cell> {
        vec![
            row.pid.to_string().into(),
            row.processor.map_or_else(|| "-".to_owned(), |micros| clock(micros / 1_000_000)).into(),
            row.user.to_string().into(),
            row.ide.word().into(),
            row.id.to_string().into(),
        ]
    };
    table(&COLUMNS, &rows.iter().map(cells).collect::<Vec<_>>(), screen)
}

/// `00:01:15`, as `ps` shows processor time.
fn clock(seconds: u64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::super::sessions::tests::row;
    use super::*;

    #[test]
    fn sessions_are_listed_as_the_older_command_does() {
        let expected = " PID      TIME  USER   COMMAND  ID
4711  00:01:15  alice  jupyter  0101010101010101
";
        assert_eq!(told(&[row("alice", 1)], Screen { width: None, colour: false }), expected);
        assert_eq!(clock(3_725), "01:02:05");
    }
}
