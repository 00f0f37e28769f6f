//! `portcullis sessions`: a table of sessions.

use anyhow::bail;
use clap::Args;
use portcullis_model::UserName;
use portcullis_model::session::{EndReason, State};
use portcullis_wire::admin::{FromDaemon, SessionRow, ToDaemon, Which};
use serde_json::{Value, json};

use super::{Asking, now};
use crate::Answer;
use crate::layout::printable;
use crate::screen::{Cell, Column, Screen, Tone, bytes, short, table};

/// The command's arguments.
#[derive(Debug, Args)]
pub(crate) struct Sessions {
    /// Only this person's.
    user: Option<UserName>,
    /// Also those that ended, as long as they are remembered (`session-ended-keep-minutes`).
    #[arg(long)]
    ended: bool,
    #[command(flatten)]
    asking: Asking,
}

const COLUMNS: [Column; 10] = [
    Column { head: "ID", right: false, spare: 0 },
    Column { head: "USER", right: false, spare: 0 },
    Column { head: "IDE", right: false, spare: 1 },
    Column { head: "STATE", right: false, spare: 0 },
    Column { head: "AGE", right: true, spare: 3 },
    Column { head: "IDLE", right: true, spare: 2 },
    Column { head: "CPU", right: true, spare: 5 },
    Column { head: "MEM", right: true, spare: 4 },
    Column { head: "PROCS", right: true, spare: 6 },
    Column { head: "PID", right: true, spare: 7 },
];

impl Sessions {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let which = self.user.clone().map_or(Which::All, Which::User);
        let rows = ask(&self.asking, which, self.ended)?;
        let text = if self.asking.json {
            format!("{}\n", serde_json::to_string_pretty(&rows.iter().map(object).collect::<Vec<_>>())?)
        } else {
            self.told(&rows, Screen::of_output(), now())
        };
        Ok(Answer { text, ..Answer::default() })
    }

    fn told(&self, rows: &[SessionRow], screen: Screen, now: u64) -> String {
        if rows.is_empty() {
            let whose = self.user.as_ref().map_or_else(String::new, |user| format!(" of {user}"));
            let next = if self.ended { "" } else { "; --ended shows those that ended lately" };
            return format!("no sessions{whose}{next}\n");
        }
        listed(rows, screen, now)
    }
}

/// The rows of an answer.
pub(super) fn ask(asking: &Asking, which: Which, ended: bool) -> anyhow::Result<Vec<SessionRow>> {
    let mut rows = Vec::new();
    for message in asking.run_dir.ask(&ToDaemon::Sessions { which, ended })? {
        let FromDaemon::Sessions(some) = message else { bail!("the daemon answered something else") };
        rows.extend(some);
    }
    Ok(rows)
}

/// A table of sessions.
pub(super) fn listed(rows: &[SessionRow], screen: Screen, now: u64) -> String {
    let cells: Vec<Vec<Cell>> = rows.iter().map(|row| cells(row, now)).collect();
    table(&COLUMNS, &cells, screen)
}

fn cells(row: &SessionRow, now: u64) -> Vec<Cell> {
    let ended = match &row.state {
        State::Ended(end) => Some(end.at),
        _ => None,
    };
    let until = ended.unwrap_or(now);
    let known = |text: Option<String>| Cell::from(text.unwrap_or_else(|| "-".into()));
    vec![
        row.id.to_string().into(),
        row.user.to_string().into(),
        row.ide.word().into(),
        state(&row.state),
        short(until.saturating_sub(row.started)).into(),
        known(ended.is_none().then(|| short(now.saturating_sub(row.last_activity)))),
        known(row.processor.map(|micros| short(micros / 1_000_000))),
        known(row.memory.map(bytes)),
        known(row.processes.map(|number| number.to_string())),
        known((row.pid != 0).then(|| row.pid.to_string())),
    ]
}

fn state(state: &State) -> Cell {
    let (text, tone) = match state {
        State::Launching(_) => ("starting".to_owned(), Tone::Odd),
        State::Running => ("running".to_owned(), Tone::Good),
        State::Ending => ("ending".to_owned(), Tone::Odd),
        State::Ended(end) if end.suspended => ("suspended".to_owned(), Tone::Plain),
        State::Ended(end) => {
            let tone = match &end.why {
                EndReason::StartFailed(_) | EndReason::Killed | EndReason::OutOfMemory { .. } => Tone::Bad,
                _ => Tone::Plain,
            };
            (format!("ended: {}", why(&end.why)), tone)
        }
    };
    Cell { text, tone }
}

/// Why a session ended, in a few words.
fn why(reason: &EndReason) -> String {
    match reason {
        EndReason::Stopped => "by its owner".into(),
        EndReason::Idle(minutes) => format!("idle for {minutes} minutes"),
        EndReason::Disconnected(minutes) => format!("no browser for {minutes} minutes"),
        EndReason::KillHours(hours) => format!("unused for {hours} hours"),
        EndReason::MaximumAge(hours) => format!("{hours} hours old"),
        EndReason::StartFailed(why) => format!("start failed: {}", printable(why, 60)),
        EndReason::IdeExited(status) => format!("the IDE ended: {}", printable(status, 60)),
        EndReason::Killed => "killed".into(),
        EndReason::OutOfMemory { .. } => "out of memory".into(),
        EndReason::Revoked => "revoked".into(),
        EndReason::Administrator(name) => format!("by {}", printable(name, 60)),
        EndReason::Suspended => "suspended by its owner".into(),
        EndReason::Membership => "groups or role changed".into(),
    }
}

/// One session for a program.
pub(super) fn object(row: &SessionRow) -> Value {
    let (word, reason) = match &row.state {
        State::Launching(_) => ("launching", None),
        State::Running => ("running", None),
        State::Ending => ("ending", None),
        State::Ended(end) => {
            ("ended", Some(json!({ "why": end.why, "at": end.at, "suspended": end.suspended })))
        }
    };
    json!({
        "id": row.id.to_string(),
        "user": row.user.as_str(),
        "ide": row.ide.word(),
        "state": word,
        "started": row.started,
        "last-activity": row.last_activity,
        "pid": (row.pid != 0).then_some(row.pid),
        "port": (row.port != 0).then_some(row.port),
        "processes": row.processes,
        "memory-bytes": row.memory,
        "processor-seconds": row.processor.map(|micros| micros / 1_000_000),
        "end": reason,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use portcullis_model::SessionId;
    use portcullis_model::session::{End, Ide};

    use super::*;
    use crate::daemon::RunDir;

    pub(crate) fn row(user: &str, number: u8) -> SessionRow {
        SessionRow {
            id: SessionId::from_bytes([number; 8]),
            user: user.parse().expect("a name"),
            ide: Ide::Jupyter,
            state: State::Running,
            started: 1_000,
            last_activity: 8_000,
            pid: 4711,
            port: 20_001,
            processes: Some(12),
            memory: Some(512 << 20),
            processor: Some(75_000_000),
        }
    }

    fn sessions(user: Option<&str>) -> Sessions {
        let asking = Asking { run_dir: RunDir::at(std::path::Path::new("/r")), json: false };
        Sessions { user: user.map(|user| user.parse().expect("a name")), ended: false, asking }
    }

    #[test]
    fn a_table_is_aligned_and_fits_the_terminal() {
        let wide = Screen { width: None, colour: false };
        let rows = [row("alice", 1), SessionRow { processes: None, memory: None, ..row("bartholomew", 2) }];
        let text = sessions(None).told(&rows, wide, 8_060);
        let expected = "\
ID                USER         IDE      STATE      AGE  IDLE  CPU   MEM  PROCS   PID
0101010101010101  alice        jupyter  running  1h57m    1m   1m  512M     12  4711
0202020202020202  bartholomew  jupyter  running  1h57m    1m   1m     -      -  4711
";
        assert_eq!(text, expected);
        for width in [40, 50, 60, 80] {
            let text = sessions(None).told(&rows, Screen { width: Some(width), colour: false }, 8_060);
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width.max(38)), "{width}: {text}");
        }
    }

    #[test]
    fn none_says_what_to_do_next_and_ended_ones_say_why() {
        let wide = Screen { width: None, colour: false };
        assert_eq!(sessions(None).told(&[], wide, 9), "no sessions; --ended shows those that ended lately\n");
        assert!(sessions(Some("bob")).told(&[], wide, 9).starts_with("no sessions of bob"));
        let end = End { why: EndReason::Idle(30), step: None, output: vec![], at: 9_000, suspended: false };
        let ended = SessionRow { state: State::Ended(end), pid: 0, ..row("alice", 1) };
        let text = sessions(None).told(std::slice::from_ref(&ended), wide, 10_000);
        assert!(text.contains("ended: idle for 30 minutes  2h13m     -"), "{text}");
        assert_eq!(object(&ended)["end"]["why"]["idle"], 30);
        assert_eq!(object(&ended)["pid"], Value::Null);
    }
}
