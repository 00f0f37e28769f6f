//! What came of an attempt, as it told itself: the last line and the status, or the signal that ended it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It got out; how.
    Escaped(String),
    /// It was refused; how.
    Held(String),
    /// It could not even be tried, which is neither.
    Broken(String),
}

/// What the agent answers.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    status: i32,
    signal: String,
    output: String,
}

impl Answer {
    /// Of a program that was run directly.
    pub(crate) fn plain(status: ExitStatus, output: &str) -> Self {
        let signal = match status.signal() {
            Some(9) => "SIGKILL",
            Some(31) => "SIGSYS",
            Some(_) => "a signal",
            None => "",
        };
        Self { status: status.code().unwrap_or(-1), signal: signal.into(), output: output.into() }
    }
}

impl Outcome {
    /// Its words.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Escaped(words) | Self::Held(words) | Self::Broken(words) => words,
        }
    }

    /// Of an attempt that ran to its end or was ended.
    pub(crate) fn of(answer: &Answer) -> Self {
        let line = |word: &str| {
            let found = answer.output.lines().rev().find_map(|line| line.strip_prefix(word));
            found.map(|words| words.trim().to_owned())
        };
        let last = || answer.output.lines().last().unwrap_or_default().trim().to_owned();
        match (answer.status, answer.signal.as_str()) {
            (0, _) => line("escaped:").map_or_else(|| Self::Broken(last()), Self::Escaped),
            (10, _) => Self::Held(line("held:").unwrap_or_else(last)),
            // A call that is answered with the end of the process was refused.
            (_, "SIGSYS") => Self::Held("ended by the filter of system calls (SIGSYS)".into()),
            (_, "SIGKILL") if line("broken:").is_none() => Self::Held("ended by the kernel (SIGKILL)".into()),
            // A shell's stub in place of the script's interpreter.
            (126, _) => Self::Held(last()),
            (status, signal) => Self::Broken(format!("status {status} {signal}: {}", answer.output.trim())),
        }
    }

    /// Of a cell: what it printed holds the line.
    pub(crate) fn of_cell(text: &str) -> Result<Self> {
        // Counted by the shell itself, so that no message that repeats the command looks like its output.
        if text.contains("rt-shell-42") {
            return Ok(Self::Escaped("a command ran".into()));
        }
        for (word, make) in [
            ("escaped:", Self::Escaped as fn(String) -> Self),
            ("held:", Self::Held),
            ("broken:", Self::Broken),
        ] {
            if let Some(words) = text.lines().find_map(|line| line.split_once(word)) {
                return Ok(make(words.1.trim().to_owned()));
            }
        }
        if text.trim().is_empty() {
            bail!("the cell printed nothing");
        }
        Ok(Self::Held(text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: i32, signal: &str, output: &str) -> Outcome {
        Outcome::of(&Answer { status, signal: signal.into(), output: output.into() })
    }

    #[test]
    fn only_what_says_so_escaped() {
        assert_eq!(of(0, "", "x\nescaped: read it\n"), Outcome::Escaped("read it".into()));
        assert!(matches!(of(0, "", "it ends well and says nothing"), Outcome::Broken(_)));
        assert_eq!(of(10, "", "held: open: no\n"), Outcome::Held("open: no".into()));
        assert!(matches!(of(-1, "SIGSYS", ""), Outcome::Held(_)));
        assert!(matches!(of(-1, "SIGKILL", "\nbroken: it took too long"), Outcome::Broken(_)));
        assert!(matches!(of(-1, "SIGSEGV", ""), Outcome::Broken(_)));
        assert!(matches!(of(20, "", "broken: RT_DATA"), Outcome::Broken(_)));
    }

    #[test]
    fn a_message_that_repeats_the_command_is_no_output() {
        let said = Outcome::of_cell("sh: echo rt-shell-$((40+2)): shell access is disabled").expect("text");
        assert!(matches!(said, Outcome::Held(_)));
        assert!(matches!(Outcome::of_cell("rt-shell-42\n").expect("text"), Outcome::Escaped(_)));
    }
}
