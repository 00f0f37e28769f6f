//! `portcullis logs`: the daemon's log, from the journal; where there is none, where it goes instead.
//!
//! Nothing goes through a shell: what was typed is an argument of `journalctl`, or is compared with lines.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use portcullis_model::SessionId;
use portcullis_wire::admin::{FromDaemon, ToDaemon};

use super::service::{UNIT, is_booted};
use crate::Answer;
use crate::daemon::RunDir;
use crate::exit::Exit;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Wait for more, and show it as it comes.
    #[arg(long, short)]
    follow: bool,
    /// Only lines about this session.
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// How many of the last lines.
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 200)]
    lines: u32,
    /// From when on, as journalctl understands it: `-1h`, `today`, `2026-01-31 15:04`.
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    since: Option<String>,
    #[command(flatten)]
    run_dir: RunDir,
}

impl Logs {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let journal = find("journalctl");
        match journal.filter(|_| is_booted()) {
            Some(journal) => self.journal(&journal),
            None => Ok(self.elsewhere()),
        }
    }

    /// The journal's lines, passed on as they come.
    fn journal(&self, program: &Path) -> anyhow::Result<Answer> {
        let mut command = Command::new(program);
        command.args(self.arguments());
        let Some(session) = self.session else {
            let ended = command.status()?;
            return Ok(answer(ended));
        };
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let wanted = session.to_string();
        let mut out = std::io::stdout().lock();
        let lines = BufReader::new(child.stdout.take().into_iter().next().expect("it is piped"));
        for line in lines.split(b'\n') {
            let line = line?;
            if is_about(&line, &wanted) && out.write_all(&line).and_then(|()| out.write_all(b"\n")).is_err() {
                // Nobody reads any more.
                break;
            }
        }
        let _ = out.flush();
        drop(out);
        let _ = child.kill();
        let _ = child.wait();
        Ok(Answer::default())
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments =
            vec!["--no-pager".to_owned(), format!("--unit={UNIT}"), "--output=short-iso".to_owned()];
        if let Some(since) = &self.since {
            arguments.push(format!("--since={since}"));
        }
        if self.follow {
            arguments.push("--follow".to_owned());
        }
        // Of a session's lines there are few among many: all of them are looked through, unless a time is given.
        let lines = match (self.session, self.since.is_some()) {
            (Some(_), _) => "all".to_owned(),
            (None, true) => "all".to_owned(),
            (None, false) => self.lines.to_string(),
        };
        arguments.push(format!("--lines={lines}"));
        arguments
    }

    /// There is no journal: the daemon's standard error goes where it was started.
    fn elsewhere(&self) -> Answer {
        let asked = self.run_dir.ask(&ToDaemon::Status).ok();
        let pid = asked.and_then(|answer| {
            answer.into_iter().find_map(|message| match message {
                FromDaemon::Status(status) => Some(status.pid),
                _ => None,
            })
        });
        let target = pid.and_then(|pid| std::fs::read_link(format!("/proc/{pid}/fd/2")).ok());
        let complaint = match (pid, target) {
            (None, _) => "portcullis: there is no journal here, and the daemon does not run or can't be asked as this user: \
                          its log goes to the standard error it is started with\n"
                .to_owned(),
            (Some(pid), Some(target)) if target.is_absolute() && target.exists() => {
                let name = target.display();
                format!(
                    "portcullis: there is no journal here; the log of process {pid} goes to `{name}`\nhint: tail -f {name}\n"
                )
            }
            (Some(pid), target) => {
                let what = target.map_or_else(String::new, |target| format!(" ({})", target.display()));
                format!(
                    "portcullis: there is no journal here; the log of process {pid} goes to its standard error{what}, and \
                     whoever started it has it\n"
                )
            }
        };
        Answer { complaint, status: Exit::NotInstalled.code(), ..Answer::default() }
    }
}

fn answer(ended: std::process::ExitStatus) -> Answer {
    let status = ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(0);
    Answer { status, ..Answer::default() }
}

/// Whether a line names the session: whole, not as a part of something longer.
fn is_about(line: &[u8], wanted: &str) -> bool {
    let text = String::from_utf8_lossy(line);
    text.match_indices(wanted).any(|(at, found)| {
        let beside = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_alphanumeric());
        beside(text[..at].chars().next_back()) && beside(text[at + found.len()..].chars().next())
    })
}

/// A program along the usual path.
fn find(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs() -> Logs {
        Logs {
            follow: false,
            session: None,
            lines: 200,
            since: None,
            run_dir: RunDir::at(Path::new("/nowhere")),
        }
    }

    #[test]
    fn what_was_typed_stays_one_argument() {
        let plain = ["--no-pager", "--unit=portcullis.service", "--output=short-iso", "--lines=200"];
        assert_eq!(logs().arguments(), plain);
        let odd = Logs { follow: true, since: Some("-1h; rm -rf /".into()), ..logs() };
        let arguments = odd.arguments();
        assert!(arguments.contains(&"--since=-1h; rm -rf /".to_owned()), "{arguments:?}");
        assert!(arguments.contains(&"--follow".to_owned()) && arguments.contains(&"--lines=all".to_owned()));
    }

    #[test]
    fn a_line_is_about_a_session_that_it_names_whole() {
        let id = "0011223344556677";
        assert!(is_about(b"INFO: session runs session=0011223344556677", id));
        assert!(is_about(b"session 0011223344556677 is killed", id));
        assert!(!is_about(b"id=00112233445566778", id) && !is_about(b"nothing", id));
        assert!(!is_about(b"a0011223344556677", id));
    }

    #[test]
    fn without_a_journal_it_says_where_the_log_goes() {
        let answer = logs().elsewhere();
        assert_eq!(answer.status, 5);
        assert!(answer.complaint.contains("standard error"), "{}", answer.complaint);
    }
}
