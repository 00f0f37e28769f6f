//! The administrator's command, `portcullis`: checks, shows and explains the configuration, verifies and replays the audit log.
//!
//! It reads files and prints; only what asks the running daemon (`daemon`) talks to another process. A command makes its whole answer before any of
//! it is printed, so that a pipe that is closed early changes neither the answer nor the exit status. Called by
//! `src/bin/portcullis.rs` only.
#![forbid(unsafe_code)]

mod audit;
mod check;
mod configuration;
mod daemon;
mod doctor;
mod exempt;
mod exemptions;
mod exit;
mod explain;
mod judge;
mod keys;
mod layout;
mod ldap;
mod machine;
mod operations;
mod person;
pub mod reference;
mod routes;
mod screen;
mod show;
mod simulate;
mod users;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Exit status of a configuration that can't be used: `EX_CONFIG` of sysexits.h, on which service managers don't restart.
const EX_CONFIG: u8 = 78;

/// What an administrator of RStudio Server looks for.
const RSTUDIO: &str = "Verbs of RStudio Server work too: active-sessions, kill-session, kill-all, suspend-session, suspend-all, \
    force-suspend-session, force-suspend-all, list-users, test-config, version.";

/// Administers Portcullis, the door in front of RStudio Server, JupyterLab and code-server.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100, after_help = RSTUDIO)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the configuration and report every problem at once.
    ///
    /// Each problem comes with its file, line and option, the line itself, and what to write instead. Then comes what the
    /// machine must have for it: accounts, certificates, programs. Exits with 0, or with 78 when the daemon would not start.
    #[command(visible_alias = "test-config")]
    CheckConfig {
        #[command(flatten)]
        dir: ConfigDir,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show the configuration that is in force.
    #[command(subcommand)]
    Conf(Conf),
    /// Look after the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Explain what becomes of a request of a person, and why.
    ///
    /// Judges by the functions that decide in the server: prints the decision, the rule with file and line, the capability, the row of
    /// the IDE's table with its source, how strongly the flag holds, and the lines that would make another decision. Paths are followed
    /// as this process may (root sees what a session's user doesn't). Nothing is sent to any session.
    ///
    /// Exits with 0 when it is forwarded, with 1 when it is refused, with 2 when that can't be said from here.
    Explain {
        #[command(flatten)]
        dir: ConfigDir,
        #[command(flatten)]
        question: explain::Question,
    },
    /// Tell what an audit log would have been under another configuration.
    ///
    /// Replays refusals (also those that were only recorded), file transfers and starts of sessions. Says what it can't know: requests
    /// that were simply allowed are not in the log.
    ///
    /// Exits with 0, with 1 when the log's chain is broken, with 2 when it can't be said.
    Simulate(simulate::Question),
    /// Examine machine and configuration: how strongly each flag holds in each IDE, and everything that is wrong.
    ///
    /// Reads what check-config reads, and the running daemon's state, its directories, its port, the clock and the kernel's features. As
    /// root it sees all of it.
    ///
    /// Exits with 0 when nothing is wrong, with 1 when something is, with 2 when that can't be said.
    Doctor {
        #[command(flatten)]
        dir: ConfigDir,
        #[command(flatten)]
        question: doctor::Question,
    },
    /// List the requests of an IDE that no row covers, each with a line for adapters.conf.
    ///
    /// JupyterLab is asked for its own routes; of the others, and of what JupyterLab's table does not show, the audit log has what was
    /// refused or recorded as unknown, and --from takes a list. What can't be seen from here is said: the log is root's.
    Routes(routes::Question),
    /// Lift a flag for a person, for a while; only root may.
    ///
    /// It holds at once, is recorded in the audit log with its reason, is shown to the person, and ends by itself.
    Exempt(exempt::Exempt),
    /// List keys, and end those of programs.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Try the directories of ldap.conf.
    #[command(subcommand)]
    Ldap(ldap::Ldap),
    #[command(flatten)]
    Operate(operations::Operation),
    #[command(flatten)]
    Rstudio(operations::rstudio::Verb),
    /// Write the manual pages and shell completions: for packages.
    #[command(hide = true)]
    Generate {
        /// Below which directory: `man` and `completions` are made there.
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Conf {
    /// Print every option with its value and where that comes from.
    ///
    /// The output is in the file's own syntax; fed back as configuration it gives itself.
    Show {
        #[command(flatten)]
        dir: ConfigDir,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Only this file, such as rsession.conf.
        #[arg(value_name = "FILE", value_parser = show::file)]
        file: Option<portcullis_conf::FileKind>,
    },
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Check that no record was changed, removed, added or moved.
    ///
    /// Exits with 0, or with 1 and the first record that does not follow from the one before.
    Verify {
        /// The log, usually /var/lib/portcullis/audit/audit.jsonl.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct ConfigDir {
    /// Directory with the configuration files.
    ///
    /// Without it: RSTUDIO_CONFIG_DIR, else rstudio below XDG_CONFIG_DIRS, else /etc/rstudio.
    #[arg(long, value_name = "DIR")]
    config_dir: Option<PathBuf>,
}

impl ConfigDir {
    fn path(&self) -> PathBuf {
        let variable = |name: &str| std::env::var(name).ok();
        self.config_dir.clone().unwrap_or_else(|| portcullis_conf::default_dir(variable))
    }
}

/// What a command has to say, and its exit status.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    text: String,
    /// For the standard error.
    complaint: String,
    status: u8,
}

impl Command {
    fn run(&self) -> anyhow::Result<Answer> {
        match self {
            Self::CheckConfig { dir, json } => {
                let report = check::report(&dir.path(), dir.config_dir.is_some());
                Ok(if *json { report.json()? } else { report.text() })
            }
            Self::Conf(Conf::Show { dir, json, file }) => show::answer(&dir.path(), *file, *json),
            Self::Audit(Audit::Verify { file }) => audit::verify(file),
            Self::Routes(question) => routes::answer(question),
            Self::Explain { dir, question } => Ok(explain::answer(&dir.path(), question)),
            Self::Simulate(question) => Ok(simulate::answer(question)),
            Self::Doctor { dir, question } => {
                Ok(doctor::answer(&dir.path(), dir.config_dir.is_some(), question))
            }
            Self::Exempt(exempt) => exempt.run(),
            Self::Keys(keys) => keys.run(),
            Self::Ldap(ldap) => ldap.run(),
            Self::Operate(operation) => operation.run(),
            Self::Rstudio(verb) => verb.run(),
            Self::Generate { dir } => reference::write(dir),
        }
    }
}

/// Runs the program and returns its exit status.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // It knows whether it is help or a complaint, and where to print that; a closed pipe is nobody's loss.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    let answer = cli.command.run().unwrap_or_else(|error| Answer {
        complaint: format!("portcullis: {error:#}\n"),
        status: daemon::exit_of(&error).code(),
        ..Answer::default()
    });
    let _ = io::stderr().lock().write_all(answer.complaint.as_bytes());
    let mut out = io::stdout().lock();
    match out.write_all(answer.text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr().lock(), "portcullis: cannot write the answer: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::from(answer.status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        assert!(parsed("portcullis test-config --config-dir /x --json").is_ok());
        assert!(parsed("portcullis conf show rsession.conf").is_ok());
        assert!(parsed("portcullis conf show --json").is_ok());
        assert!(parsed("portcullis audit verify").is_err());
        for good in [
            "portcullis exempt alice allow-shell --for 2h --reason x",
            "portcullis exempt alice allow-shell --for 2h --reason x --session 0011223344556677 --run-dir /r",
            "portcullis exempt list --json --run-dir /r",
            "portcullis exempt end 010203ab",
            "portcullis status --json",
        ] {
            assert!(parsed(good).is_ok(), "{good}: {:?}", parsed(good).err());
        }
        for bad in [
            "portcullis exempt",
            "portcullis exempt alice allow-shell --for 2h",
            "portcullis exempt alice allow-shell --reason x",
            "portcullis exempt alice --for 2h --reason x",
            "portcullis exempt alice allow-shell --for 2 --reason x",
            "portcullis exempt a/b allow-shell --for 2h --reason x",
            "portcullis exempt end",
            "portcullis exempt end xyz",
        ] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
        let error = parsed("portcullis conf show rsesion.conf").expect_err("no such file").to_string();
        assert!(error.contains("rsession.conf"), "{error}");
    }

    #[test]
    fn help_names_every_command_and_the_alias() {
        let help = Cli::command().render_long_help().to_string();
        for word in ["check-config", "test-config", "conf", "audit"] {
            assert!(help.contains(word), "{help}");
        }
    }
}
