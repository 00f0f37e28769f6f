//! `portcullis session kill | stop | suspend`, and what RStudio's verbs end.

use anyhow::bail;
use clap::Args;
use portcullis_model::session::Manner;
use portcullis_wire::admin::{EndedRow, FromDaemon, Refusal, ToDaemon, Which};
use serde_json::json;

use super::{Asking, administrator, now, sessions, which};
use crate::Answer;
use crate::daemon::AskError;
use crate::exit::Exit;
use crate::screen::{Screen, count};

/// Which session.
#[derive(Debug, Args)]
pub(crate) struct End {
    /// A session's id, or a person who has one.
    #[arg(value_name = "ID|USER", value_parser = which)]
    which: Which,
    /// All of that person's.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    asking: Asking,
}

impl End {
    /// Ends it in this manner.
    pub(crate) fn run(&self, manner: Manner) -> anyhow::Result<Answer> {
        end(&self.asking, &self.which, manner, self.all)
    }
}

/// Ends sessions and tells what became of them; 1 when one is there still.
pub(super) fn end(asking: &Asking, which: &Which, manner: Manner, several: bool) -> anyhow::Result<Answer> {
    let question = ToDaemon::EndSessions { which: which.clone(), manner, several, by: administrator() };
    let answer = match asking.run_dir.ask(&question) {
        Ok(answer) => answer,
        Err(error) => {
            if let Some(AskError::Refused(Refusal::Several { .. })) = error.downcast_ref() {
                return ambiguous(asking, which, &error);
            }
            return Err(error);
        }
    };
    let mut rows = Vec::new();
    for message in answer {
        let FromDaemon::EndedSessions(some) = message else { bail!("the daemon answered something else") };
        rows.extend(some);
    }
    let text = if asking.json {
        format!("{}\n", serde_json::to_string_pretty(&rows.iter().map(object).collect::<Vec<_>>())?)
    } else {
        told(&rows, manner)
    };
    let exit = if rows.iter().all(|row| row.over) { Exit::Done } else { Exit::Failed };
    Ok(Answer { text, status: exit.code(), ..Answer::default() })
}

/// One was meant, and there are several: which ones.
fn ambiguous(asking: &Asking, which: &Which, error: &anyhow::Error) -> anyhow::Result<Answer> {
    let rows = sessions::ask(asking, which.clone(), false)?;
    let list = sessions::listed(&rows, Screen { colour: false, ..Screen::of_output() }, now());
    let complaint = format!("portcullis: {error}\n{list}hint: name one by its id, or say --all\n");
    Ok(Answer { complaint, status: Exit::Usage.code(), ..Answer::default() })
}

fn told(rows: &[EndedRow], manner: Manner) -> String {
    if rows.is_empty() {
        return "no sessions: nothing to end\n".to_owned();
    }
    let mut text: String = rows.iter().map(|row| line(row, manner)).collect();
    if rows.len() > 1 {
        let over = rows.iter().filter(|row| row.over).count();
        text += &format!("{over} of {} over\n", count(rows.len() as u64, "session", "sessions"));
    }
    text
}

fn line(row: &EndedRow, manner: Manner) -> String {
    let EndedRow { id, user, ide, processes, .. } = row;
    let what = match (row.over, row.suspended, manner) {
        (true, true, _) => "suspended: its state is saved".to_owned(),
        (true, false, Manner::Kill) => {
            format!("killed, with {}", count((*processes).into(), "process", "processes"))
        }
        (true, false, _) => "ended".to_owned(),
        (false, _, Manner::Suspend) => {
            "goes on: something runs in it; --force, or `force-suspend-session`, does not ask".to_owned()
        }
        (false, _, Manner::Kill) => "is NOT gone yet: a process of it can't be killed".to_owned(),
        (false, ..) => "is ending still; `session kill` does not wait".to_owned(),
    };
    format!("{id} {user} {ide}: {what}\n")
}

fn object(row: &EndedRow) -> serde_json::Value {
    json!({
        "id": row.id.to_string(),
        "user": row.user.as_str(),
        "ide": row.ide.word(),
        "processes": row.processes,
        "over": row.over,
        "suspended": row.suspended,
    })
}

#[cfg(test)]
mod tests {
    use portcullis_model::SessionId;
    use portcullis_model::session::Ide;

    use super::*;
    use crate::daemon::RunDir;
    use crate::daemon::tests::daemon;

    fn row(over: bool, suspended: bool) -> EndedRow {
        let id = SessionId::from_bytes([1; 8]);
        EndedRow {
            id,
            user: "alice".parse().expect("a name"),
            ide: Ide::Rstudio,
            processes: 7,
            over,
            suspended,
        }
    }

    #[test]
    fn what_became_of_each_is_told() {
        let head = "0101010101010101 alice rstudio:";
        for (row, manner, text) in [
            (row(true, false), Manner::Kill, "killed, with 7 processes"),
            (row(true, true), Manner::Suspend, "suspended: its state is saved"),
            (row(false, false), Manner::Suspend, "goes on: something runs in it"),
            (row(false, false), Manner::Kill, "is NOT gone yet"),
            (row(true, false), Manner::Stop, "ended"),
        ] {
            let line = line(&row, manner);
            assert!(line.starts_with(&format!("{head} {text}")), "{line}");
        }
        assert_eq!(told(&[], Manner::Kill), "no sessions: nothing to end\n");
        let two = told(&[row(true, false), row(false, false)], Manner::Kill);
        assert!(two.ends_with("1 of 2 sessions over\n"), "{two}");
    }

    #[test]
    fn the_exit_status_says_whether_all_are_over() {
        for (over, status) in [(true, 0), (false, 1)] {
            let rows = vec![row(true, false), row(over, false)];
            let (dir, thread) = daemon(vec![FromDaemon::EndedSessions(rows), FromDaemon::Done]);
            let asking = Asking { run_dir: RunDir::at(dir.path()), json: true };
            let answer = end(&asking, &Which::All, Manner::Kill, true).expect("an answer");
            assert_eq!(answer.status, status, "{}", answer.text);
            thread.join().expect("ended");
        }
    }
}
