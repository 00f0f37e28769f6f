//! The helper's second use: somebody who is signed in is looked up once more.
//!
//! Runs in the PAM helper, where a module or a directory service may hang or crash and take nothing with it. It says what it found;
//! what that means is the launcher's to judge (`accounts::sync`). Nobody is authenticated by it, and nobody is asked anything.

use std::io::{BufRead as _, BufReader};

use portcullis_model::sign_in::Principal;
use portcullis_pam::{Answer, Cancelled, Conversation, FailureKind, Message, Request, Transaction};
use serde::{Deserialize, Serialize};

use super::talk::Job;
use crate::log::chain;
use crate::names::{self, NameError};

/// Longest of the machine's files of accounts that is read, in lines: more than any machine has accounts of its own.
const LINES_MAX: usize = 1_000_000;

/// What the machine says of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// It may be used.
    Good {
        /// As it is now.
        principal: Box<Principal>,
        /// If it stands in the machine's own files.
        local: Option<Local>,
    },
    /// It may not: expired, or refused by PAM; what PAM said.
    Refused(String),
    /// The name service does not know it.
    Gone {
        /// What was said.
        why: String,
    },
    /// Something could not be asked.
    Unreachable(String),
}

/// An account of the machine's own files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Local {
    /// Whether its password is locked (`usermod -L`, `passwd -l`).
    pub(crate) locked: bool,
}

/// Looks.
pub(super) fn look(job: &Job) -> Standing {
    // ORDER: the name service first: what a PAM stack says of somebody whom nobody knows depends on its modules' order.
    let before = match names::principal(&job.user) {
        Ok(principal) => principal,
        Err(NameError::Unknown(name)) => {
            let why = NameError::Unknown(name).to_string();
            return Standing::Gone { why };
        }
        Err(error) => return Standing::Unreachable(chain(&error)),
    };
    let request = Request {
        service: &job.service,
        user: &job.user,
        remote: Some(&job.remote),
        tty: "portcullis",
        asking_user: None,
    };
    let asked = Transaction::begin(&request, Nobody).and_then(|mut transaction| transaction.account());
    match asked {
        Ok(()) => Standing::Good { local: local(before.user.as_str()), principal: Box::new(before) },
        Err(failure) => match failure.kind {
            FailureKind::Account | FailureKind::NewPasswordRequired => Standing::Refused(failure.to_string()),
            FailureKind::Credentials
            | FailureKind::TooMany
            | FailureKind::Cancelled
            | FailureKind::System => Standing::Unreachable(failure.to_string()),
        },
    }
}

/// The account of this name in the machine's own files.
pub(super) fn local(name: &str) -> Option<Local> {
    field(&read_lines("/etc/passwd"), name)?;
    let password = field(&read_lines("/etc/shadow"), name);
    Some(Local { locked: password.is_some_and(|password| password.starts_with('!')) })
}

fn read_lines(path: &str) -> Vec<String> {
    let Ok(file) = std::fs::File::open(path) else { return Vec::new() };
    BufReader::new(file).lines().take(LINES_MAX).map_while(Result::ok).collect()
}

/// The second field of the line of this name.
fn field(lines: &[String], name: &str) -> Option<String> {
    let second = |line: &String| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.next().unwrap_or_default().to_owned())
    };
    lines.iter().find_map(second)
}

/// Nobody is there to answer.
struct Nobody;

impl Conversation for Nobody {
    fn ask(&mut self, _: &[Message]) -> Result<Answer, Cancelled> {
        Err(Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_password_is_told_from_none_and_from_anothers() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let shadow = lines("root:*:1::::::\nann:!$y$j9T:1::::::\nannie:$y$j9T:1::::::\n");
        assert_eq!(field(&shadow, "ann").as_deref(), Some("!$y$j9T"));
        assert_eq!(field(&shadow, "annie").as_deref(), Some("$y$j9T"));
        assert_eq!(field(&shadow, "an"), None);
        assert_eq!(field(&lines("ann"), "ann").as_deref(), Some(""));
        assert!(local("root").is_some() && local("no-such-account-here").is_none());
    }
}
