//! The administrator's command, `portcullis`: checks the configuration, shows it, verifies the audit log.
//!
//! It reads files and prints; it changes nothing and talks to no other process. A command makes its whole answer before any of
//! it is printed, so that a pipe that is closed early changes neither the answer nor the exit status. Called by
//! `src/bin/portcullis.rs` only.
#![forbid(unsafe_code)]

mod audit;
mod check;
mod machine;
mod show;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Exit status of a configuration that can't be used: `EX_CONFIG` of sysexits.h, on which service managers don't restart.
const EX_CONFIG: u8 = 78;

/// Administers Portcullis, the door in front of RStudio Server, JupyterLab and code-server.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
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
        status: 1,
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
