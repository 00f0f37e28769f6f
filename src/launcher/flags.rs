//! The launcher's own flags: four directories, `--version` and `--help`. Everything else is configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use thiserror::Error;

use crate::dirs::Dirs;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
portcullis-launcher: root's part of Portcullis; starts portcullis-server and the sessions

usage: portcullis-launcher [--config-dir DIR] [--run-dir DIR] [--state-dir DIR] [--libexec-dir DIR]

  --config-dir DIR   configuration (default: RSTUDIO_CONFIG_DIR, XDG_CONFIG_DIRS/rstudio, /etc/rstudio)
  --run-dir DIR      sockets and sessions' directories (default: /run/portcullis)
  --state-dir DIR    keys, state and audit log (default: /var/lib/portcullis)
  --libexec-dir DIR  where portcullis-server and portcullis-session are (default: beside this program)
  --version          print the version
  --help             print this

signals: HUP reads the configuration again; TERM ends the daemon, sessions live on; INT ends the sessions too
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Run with these directories.
    Run(Dirs),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// A flag that is none.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum FlagError {
    /// Unknown.
    #[error("unknown argument `{0}`\nhint: --help lists the flags")]
    Unknown(String),
    /// Without its value.
    #[error("`{0}` needs a directory")]
    NoValue(&'static str),
    /// No place for the programs.
    #[error("cannot tell where this program is; give --libexec-dir")]
    NoLibexec,
}

/// Reads the arguments after the program's name. `config` and `libexec` are the defaults that depend on the environment.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
    config: PathBuf,
    libexec: Option<PathBuf>,
) -> Result<Command, FlagError> {
    let mut dirs = Dirs {
        config,
        run: "/run/portcullis".into(),
        state: "/var/lib/portcullis".into(),
        libexec: libexec.unwrap_or_default(),
    };
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let text = arg.to_string_lossy().into_owned();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
            None => (text.clone(), None),
        };
        let (place, name) = match name.as_str() {
            "--config-dir" => (&mut dirs.config, "--config-dir"),
            "--run-dir" => (&mut dirs.run, "--run-dir"),
            "--state-dir" => (&mut dirs.state, "--state-dir"),
            "--libexec-dir" => (&mut dirs.libexec, "--libexec-dir"),
            "--help" | "-h" => return Ok(Command::Help),
            "--version" | "-V" => return Ok(Command::Version),
            _ => return Err(FlagError::Unknown(text)),
        };
        let value = value.or_else(|| args.next()).filter(|value| !value.is_empty());
        *place = PathBuf::from(value.ok_or(FlagError::NoValue(name))?);
    }
    if dirs.libexec.as_os_str().is_empty() {
        return Err(FlagError::NoLibexec);
    }
    for dir in [&mut dirs.config, &mut dirs.run, &mut dirs.state, &mut dirs.libexec] {
        if let Ok(absolute) = std::path::absolute(&*dir) {
            *dir = absolute;
        }
    }
    Ok(Command::Run(dirs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Result<Command, FlagError> {
        parse(args.iter().map(OsString::from), "/etc/rstudio".into(), Some("/usr/lib/portcullis".into()))
    }

    #[test]
    fn directories_are_taken_in_both_spellings() {
        let Ok(Command::Run(dirs)) = run(&["--run-dir=/r", "--state-dir", "/s"]) else { panic!("not run") };
        assert_eq!((dirs.run, dirs.state), ("/r".into(), "/s".into()));
        assert_eq!((dirs.config, dirs.libexec), ("/etc/rstudio".into(), "/usr/lib/portcullis".into()));
    }

    #[test]
    fn what_is_no_flag_is_refused() {
        assert_eq!(run(&["--port=1"]).expect_err("unknown"), FlagError::Unknown("--port=1".into()));
        assert_eq!(run(&["--run-dir"]).expect_err("no value"), FlagError::NoValue("--run-dir"));
        assert!(matches!(run(&["--help"]), Ok(Command::Help)));
    }
}
