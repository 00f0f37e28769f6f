//! `portcullis doctor`: how strongly each flag holds here and why, and everything that is wrong with machine and configuration.
//!
//! `host` probes the kernel, `place` looks at programs, directories, port and clock, `levels` asks the policy, `report` prints. The checks
//! of `check-config` are part of it. Nothing is changed.

pub(crate) mod host;
mod levels;
pub(crate) mod place;
mod report;

use std::path::{Path, PathBuf};

use clap::Args;
use portcullis_conf::{Settings, Sources, load};
use portcullis_model::session::Ide;
use portcullis_model::{Secret, SessionId, Uid};
use portcullis_policy::{Adapters, CommandError, LaunchFacts, command};

use crate::Answer;
use crate::daemon::RunDir;
use report::Report;

/// Exit status when it can't be said.
const UNKNOWN: u8 = 2;

/// What is asked.
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// Where the daemon keeps keys, state and audit log.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/portcullis")]
    pub state_dir: PathBuf,
    #[command(flatten)]
    pub run_dir: RunDir,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// The answer; `named` says whether somebody chose the directory.
pub(crate) fn answer(dir: &Path, named: bool, question: &Question) -> Answer {
    let settings = match Sources::read(dir) {
        Ok(sources) => Some(load(&sources)).filter(|loaded| loaded.is_usable()).map(|loaded| loaded.settings),
        Err(_) => None,
    };
    let report = Report::new(dir, named, question, settings.as_ref());
    report.answer(question.json).unwrap_or_else(|error| Answer {
        complaint: format!("portcullis: {error:#}\n"),
        status: UNKNOWN,
        ..Answer::default()
    })
}

/// The built-in IDEs, then the applications of `adapters.conf`.
pub(crate) fn ides(settings: &Settings) -> Vec<Ide> {
    let apps = Adapters::new(settings).apps().iter().map(|app| Ide::App(app.name())).collect::<Vec<_>>();
    Ide::BUILT_IN.into_iter().chain(apps).collect()
}

/// Why an IDE can't be started, as far as that doesn't depend on the person: whether it is switched off, or its program missing.
pub(crate) fn start(
    settings: &Settings,
    ide: Ide,
    exists: &dyn Fn(&str) -> bool,
) -> Result<String, CommandError> {
    let anybody = LaunchFacts {
        id: SessionId::from_bytes([0; 8]),
        user: "somebody".parse().expect("it is a name"),
        uid: Uid(u32::MAX - 1),
        home: "/".to_owned(),
        shell: String::new(),
        root_path: "/".to_owned(),
        groups: Vec::new(),
        session_dir: "/run/portcullis/sessions/0".to_owned(),
        pam_env: Vec::new(),
        token: Secret::from(String::new()),
    };
    command(ide, settings, &anybody, exists).map(|command| command.program)
}

/// Why a configuration offers an IDE to nobody; `None` when it does to somebody.
pub(crate) fn switched_off(settings: &Settings, ide: Ide) -> Option<String> {
    match start(settings, ide, &|_| true) {
        Err(
            why @ (CommandError::Off { .. } | CommandError::Undeclared { .. } | CommandError::NotYet { .. }),
        ) => Some(why.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
