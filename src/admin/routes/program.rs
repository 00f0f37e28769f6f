//! The installed JupyterLab, asked for its own table of routes.
//!
//! A few lines of Python load it with the extensions that are switched on, and print its table; nothing is served. Whatever an
//! account's extensions do on loading they do as that account: root never runs them.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::unistd::{User, geteuid};
use portcullis_conf::{JUPYTER_PLACES, Settings};
use portcullis_model::SessionId;
use serde::Deserialize;

use super::{Place, Request, Told};
use crate::layout::printable;

const SCRIPT: &str = include_str!("handlers.py");
/// JupyterLab loads in seconds; on a cold disk in many.
const ANSWER_WITHIN: Duration = Duration::from_secs(90);
/// Largest answer: thousands of routes.
const ANSWER_MAX: u64 = 4 * 1024 * 1024;
/// As whom root asks when nobody is meant.
const NOBODY: &str = "nobody";

/// A route as the program prints it.
#[derive(Debug, Deserialize)]
struct Printed {
    pattern: String,
    handler: String,
    methods: Vec<String>,
    socket: bool,
    example: Option<String>,
    shape: Option<String>,
}

/// Asks, as this account.
pub(super) fn ask(settings: &Settings, user: Option<&str>) -> Told {
    match run(settings, user) {
        Ok((text, whom)) => {
            let mut told = read(&text);
            told.blind.push(format!(
                "JupyterLab was asked as {whom}: extensions of other accounts are not among its routes."
            ));
            told
        }
        Err(error) => {
            let blind = vec![format!("JupyterLab could not be asked for its routes: {error:#}.")];
            Told { blind, ..Told::default() }
        }
    }
}

/// Handlers that answer for what doesn't exist: a line for one of them would cover everything that nobody knows.
const NOWHERE: [&str; 3] = [
    "jupyter_server.base.handlers.Template404",
    "jupyter_server.base.handlers.TrailingSlashHandler",
    "jupyterlab_server.handlers.NotFoundHandler",
];

/// The routes of its answer; other lines are of its log.
fn read(text: &str) -> Told {
    let mut told = Told::default();
    for line in text.lines().filter_map(|line| line.strip_prefix("route ")) {
        let Ok(printed) = serde_json::from_str::<Printed>(line) else { continue };
        if NOWHERE.contains(&printed.handler.as_str()) {
            continue;
        }
        let Some(path) = printed.example else {
            // The page for what doesn't exist answers no method.
            if !printed.methods.is_empty() {
                told.blind
                    .push(format!("no example is known for `{}` of {}.", printed.pattern, printed.handler));
            }
            continue;
        };
        told.requests.extend(printed.methods.into_iter().map(|method| Request {
            method,
            path: path.clone(),
            shape: printed.shape.clone(),
            socket: printed.socket,
            place: Place::Program,
            count: 0,
            about: printed.handler.clone(),
        }));
    }
    told
}

fn run(settings: &Settings, user: Option<&str>) -> anyhow::Result<(String, String)> {
    let python = python(settings)?;
    let account = account(user)?;
    let folder = Folder::new(account.as_ref())?;
    let mut command = Command::new(&python);
    command.arg("-").current_dir(&folder.0).env_clear();
    let home = account
        .as_ref()
        .map_or_else(|| std::env::var_os("HOME").map(PathBuf::from), |user| Some(user.dir.clone()));
    // An account without a home of its own gets the empty folder.
    let home = home.filter(|home| home.is_dir()).unwrap_or_else(|| folder.0.clone());
    command.env("HOME", home).env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
    command.env("JUPYTER_RUNTIME_DIR", &folder.0).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(user) = &account {
        // ORDER: the standard library drops the groups, then sets the group, then the user.
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", python.display()))?;
    let answer = converse(&mut child);
    // Ended by itself is as good.
    let _ = child.kill();
    let status = child.wait()?;
    let (text, log) = answer?;
    if !text.contains("route ") {
        // What it said last is why.
        let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        bail!("`{}` printed no route ({status}): {}", python.display(), printable(last, 200));
    }
    let whom = account.map_or_else(|| "whoever asks here".to_owned(), |user| format!("`{}`", user.name));
    Ok((text, whom))
}

/// What it prints, and what it logs.
fn converse(child: &mut Child) -> anyhow::Result<(String, String)> {
    let output = child.stdout.take().context("no way from it")?;
    let log = child.stderr.take().context("no way from its log")?;
    let (output, log) = (reader(output), reader(log));
    let mut script = child.stdin.take().context("no way to it")?;
    // One that is gone already says why in its log.
    let _ = script.write_all(SCRIPT.as_bytes());
    drop(script);
    let until = Instant::now() + ANSWER_WITHIN;
    let text =
        |from: mpsc::Receiver<String>| from.recv_timeout(until.saturating_duration_since(Instant::now()));
    match (text(output), text(log)) {
        (Ok(output), Ok(log)) => Ok((output, log)),
        _ => bail!("it gave no answer within {} seconds", ANSWER_WITHIN.as_secs()),
    }
}

/// Reads to the end, beside whoever waits for it no longer than it likes.
fn reader(from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (done, read) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came until then is what there is.
        let _ = from.take(ANSWER_MAX).read_to_end(&mut bytes);
        // Nobody may wait any more.
        let _ = done.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    read
}

/// The Python that JupyterLab runs in: its script names it, or it lies beside it.
fn python(settings: &Settings) -> anyhow::Result<PathBuf> {
    let places: Vec<PathBuf> = match &settings.jupyter.jupyter_exe {
        Some(exe) => vec![exe.clone()],
        None => JUPYTER_PLACES.iter().map(PathBuf::from).collect(),
    };
    let lab = places.iter().find(|place| place.is_file()).context("no JupyterLab is installed")?;
    let mut head = [0; 256];
    let length = std::fs::File::open(lab).and_then(|mut file| file.read(&mut head)).unwrap_or(0);
    if let Some(named) = interpreter(&head[..length]) {
        return Ok(named);
    }
    let beside = lab.with_file_name("python3");
    if !beside.is_file() {
        bail!("`{}` does not say which Python it runs in", lab.display());
    }
    Ok(beside)
}

/// The Python of a script's first line.
fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let program = std::str::from_utf8(line).ok()?.split_whitespace().next()?;
    let name = Path::new(program).file_name()?.to_str()?;
    (program.starts_with('/') && name.starts_with("python")).then(|| PathBuf::from(program))
}

/// The account to ask as; `None` for the one that runs this.
fn account(user: Option<&str>) -> anyhow::Result<Option<User>> {
    let name = match (user, geteuid().is_root()) {
        (Some(name), _) => name,
        (None, true) => NOBODY,
        (None, false) => return Ok(None),
    };
    let user = User::from_name(name)?.with_context(|| format!("there is no account `{name}`"))?;
    if user.uid.is_root() {
        bail!("extensions are not loaded as root: name another account with --user");
    }
    if user.uid == geteuid() {
        return Ok(None);
    }
    if !geteuid().is_root() {
        bail!("only root can ask as `{name}`");
    }
    Ok(Some(user))
}

/// An empty folder of that account's own, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(account: Option<&User>) -> anyhow::Result<Self> {
        let name = SessionId::random().context("no random source")?;
        let path = std::env::temp_dir().join(format!("portcullis-routes-{name}"));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make `{}`", path.display()))?;
        let folder = Self(path);
        if let Some(user) = account {
            std::os::unix::fs::lchown(&folder.0, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It follows no link; what can't be removed is the account's own, in the folder for such things.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_read_and_the_rest_left() {
        let text = "[I] loading\nroute {\"pattern\":\"/x$\",\"handler\":\"m.H\",\"methods\":[\"GET\",\"POST\"],\"socket\":false,\
                    \"example\":\"/x\",\"shape\":\"/x\"}\nroute junk\nroute {\"pattern\":\"(.*)$\",\"handler\":\"m.N\",\"methods\":[],\
                    \"socket\":false,\"example\":null,\"shape\":null}\nroute {\"pattern\":\"(?!a)$\",\"handler\":\"m.O\",\"methods\":[\"GET\"],\
                    \"socket\":false,\"example\":null,\"shape\":null}\n";
        let told = read(text);
        let found: Vec<_> =
            told.requests.iter().map(|one| (one.method.as_str(), one.path.as_str())).collect();
        assert_eq!(found, [("GET", "/x"), ("POST", "/x")]);
        assert_eq!(told.blind.len(), 1, "{:?}", told.blind);
        let nowhere = format!(
            "route {{\"pattern\":\"/.*/$\",\"handler\":\"{}\",\"methods\":[\"GET\"],\"socket\":false,\"example\":\"/x/\",\"shape\":\"/**\"}}\n",
            NOWHERE[1]
        );
        assert!(read(&nowhere).requests.is_empty());
    }

    #[test]
    fn the_python_is_the_one_of_the_script() {
        assert_eq!(
            interpreter(b"#!/opt/venv/bin/python3.11 -I\nimport"),
            Some("/opt/venv/bin/python3.11".into())
        );
        for other in [&b"#!/bin/sh\nexec python"[..], b"#!python3\n", b"\x7fELF", b""] {
            assert_eq!(interpreter(other), None);
        }
    }

    #[test]
    fn extensions_are_never_loaded_as_root() {
        assert!(account(Some("root")).is_err());
        assert!(account(Some("no-such-account")).is_err());
    }
}
