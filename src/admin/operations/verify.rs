//! `portcullis verify-installation`: each thing that sessions need, looked at or tried, with what to do where it is missing.
//!
//! It says what it did, and nothing more: an IDE's program that prints its version runs; whether it serves a person is seen when
//! that person starts it. Nothing is changed.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use nix::unistd::User;
use portcullis_conf::{Settings, Sources, load};
use portcullis_model::session::Ide;

use crate::check::{self, Check, Outcome};
use crate::doctor::{self, host, place};
use crate::exit::Exit;
use crate::layout::printable;
use crate::screen::{Screen, Tone};
use crate::{Answer, ConfigDir};

/// How long a program may take to print its version: Python's imports from a cold network disk.
const WITHIN: Duration = Duration::from_secs(30);
/// Where PAM's modules are.
const MODULES: [&str; 6] = [
    "/lib/security",
    "/usr/lib/security",
    "/lib64/security",
    "/usr/lib64/security",
    "/lib/x86_64-linux-gnu/security",
    "/lib/aarch64-linux-gnu/security",
];

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    dir: ConfigDir,
    /// Where portcullis-launcher, portcullis-server and the others are.
    #[arg(long, value_name = "DIR", default_value = "/usr/lib/portcullis")]
    libexec_dir: PathBuf,
    #[command(flatten)]
    question: doctor::Question,
}

impl Verify {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let dir = self.dir.path();
        let sources = Sources::read(&dir).ok();
        let loaded = sources.map(|sources| load(&sources)).filter(portcullis_conf::Loaded::is_usable);
        let settings = loaded.map(|loaded| loaded.settings);
        let mut checks = check::report(&dir, self.dir.config_dir.is_some()).into_checks();
        checks.retain(|check| check.text != "not there, which is fine");
        // An account that is still to come is fine before the installation, but not after it.
        for check in checks.iter_mut().filter(|check| check.subject == "server-user" && check.hint.is_some())
        {
            check.outcome = Outcome::Fail;
        }
        checks.extend(ours(&self.libexec_dir));
        let (running, daemon) = place::daemon(&self.question.run_dir);
        checks.push(daemon);
        if let Some(settings) = &settings {
            checks.extend(modules(&settings.portcullis.pam_service, Path::new("/etc/pam.d")));
            checks.push(if running.is_some() { place::port(settings, true) } else { bindable(settings) });
            let ides = doctor::ides(settings);
            checks.extend(place::programs(settings, &ides));
            checks.extend(ides.iter().filter_map(|ide| started(settings, *ide)));
        }
        checks.extend(place::directories(self.question.run_dir.path(), &self.question.state_dir));
        checks.push(groups());
        let failed = checks.iter().filter(|check| check.outcome == Outcome::Fail).count();
        let exit = match (failed, &settings) {
            (0, _) => Exit::Done,
            (_, None) => Exit::Configuration,
            _ => Exit::Failed,
        };
        let text = if self.question.json {
            let value = serde_json::json!({ "whole": failed == 0, "checks": checks });
            format!("{}\n", serde_json::to_string_pretty(&value)?)
        } else {
            told(&checks, Screen::of_output())
        };
        Ok(Answer { text, status: exit.code(), ..Answer::default() })
    }
}

fn told(checks: &[Check], screen: Screen) -> String {
    let mut text = String::new();
    for check in checks {
        let (word, tone) = match check.outcome {
            Outcome::Pass => ("ok    ", Tone::Good),
            Outcome::Info => ("note  ", Tone::Odd),
            Outcome::Fail => ("FAILED", Tone::Bad),
        };
        text += &format!("{}  {}: {}\n", screen.paint(tone, word), check.subject, check.text);
        for problem in &check.problems {
            text += &format!("        {}\n", problem.headline(Path::new("")));
        }
        if let Some(hint) = &check.hint {
            text += &format!("        hint: {hint}\n");
        }
    }
    let of = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let (failed, notes, good) = (of(Outcome::Fail), of(Outcome::Info), of(Outcome::Pass));
    let verdict = if failed == 0 { "nothing failed" } else { "the installation is not whole" };
    text + &format!("\n{verdict}: {good} ok, {notes} to note, {failed} failed\n")
}

/// The four programs that people don't call: there, root's, and what they must be.
fn ours(dir: &Path) -> Vec<Check> {
    ["portcullis-identity", "portcullis-launcher", "portcullis-server", "portcullis-session"]
        .map(|name| one_of_ours(dir, name))
        .into()
}

fn one_of_ours(dir: &Path, name: &str) -> Check {
    let path = dir.join(name);
    let Ok(meta) = std::fs::metadata(&path) else {
        let text = format!("there is no `{}`", path.display());
        return Check::new(Outcome::Fail, name, text).hint("install the package again, or say --libexec-dir");
    };
    let (mode, owner) = (meta.mode() & 0o7777, meta.uid());
    match () {
        () if owner != 0 || mode & 0o022 != 0 => {
            let text = format!("others may change `{}` (user id {owner}, mode {mode:04o})", path.display());
            Check::new(Outcome::Fail, name, text)
                .hint(format!("chown root:root {0}; chmod 755 {0}", path.display()))
        }
        // It runs as the server's account, or as everybody: it stands in place of shells.
        () if name != "portcullis-launcher" && mode & 0o005 != 0o005 => {
            let text = format!("not everybody may run `{}` (mode {mode:04o})", path.display());
            Check::new(Outcome::Fail, name, text).hint(format!("chmod 755 {}", path.display()))
        }
        () if name != "portcullis-launcher" => {
            Check::new(Outcome::Pass, name, format!("`{}`", path.display()))
        }
        () => match printed(Command::new(&path).arg("--version")) {
            Ok(version) if version.ends_with(env!("CARGO_PKG_VERSION")) => {
                Check::new(Outcome::Pass, name, version)
            }
            Ok(version) => {
                let text =
                    format!("it says `{version}`, this command is of version {}", env!("CARGO_PKG_VERSION"));
                Check::new(Outcome::Fail, name, text)
                    .hint("install the package again: its programs go together")
            }
            Err(why) => Check::new(Outcome::Fail, name, why),
        },
    }
}

/// The modules that PAM's service names, files that it includes too.
fn modules(service: &str, dir: &Path) -> Vec<Check> {
    let (mut files, mut missing, mut seen) = (vec![service.to_owned()], Vec::new(), 0_usize);
    let mut at = 0;
    while let Some(name) = files.get(at).cloned() {
        at += 1;
        // One that isn't there is told elsewhere; what is included is PAM's to miss.
        let Ok(text) = std::fs::read_to_string(dir.join(&name)) else { continue };
        for module in named(&text, &mut files) {
            seen += 1;
            let there = |path: PathBuf| path.exists();
            let found = module.starts_with('/') && there(PathBuf::from(&module))
                || MODULES.iter().any(|folder| there(Path::new(folder).join(&module)));
            if !found && !missing.contains(&module) {
                missing.push(module);
            }
        }
    }
    if seen == 0 {
        return Vec::new();
    }
    if missing.is_empty() {
        return vec![Check::new(
            Outcome::Pass,
            "PAM modules",
            format!("all that `{service}` names are there"),
        )];
    }
    let text = format!("`{service}` names what isn't there: {}", missing.join(", "));
    vec![Check::new(Outcome::Fail, "PAM modules", text).hint("install them, or take their lines out")]
}

/// The modules of a service's lines; what they include is added to `files`. A line that begins with `-` may miss its module.
fn named(text: &str, files: &mut Vec<String>) -> Vec<String> {
    let mut modules = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '-'])) {
        let mut words = line.split_whitespace();
        let (kind, control) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut include = |name: Option<&str>| {
            let name = name.map(str::to_owned);
            files.extend(name.filter(|name| !files.contains(name)));
        };
        if kind == "@include" {
            include(Some(control));
        } else if matches!(control, "include" | "substack") {
            include(words.next());
        } else {
            // `[success=1 default=ignore]` is one word of PAM's with blanks in it.
            let mut rest = control;
            while control.starts_with('[') && !rest.ends_with(']') {
                match words.next() {
                    Some(word) => rest = word,
                    None => break,
                }
            }
            modules.extend(words.next().map(str::to_owned));
        }
    }
    modules
}

/// Whether the port can be had.
fn bindable(settings: &Settings) -> Check {
    let address = (settings.rserver.www_address, settings.port());
    let subject = format!("port {}", address.1);
    match TcpListener::bind(address) {
        Ok(_) => Check::new(Outcome::Pass, subject, format!("can be bound on {}", address.0)),
        Err(error) => Check::new(Outcome::Fail, subject, format!("can't be bound on {}: {error}", address.0))
            .hint("`ss -ltnp` as root shows who has it; ports below 1024 are root's"),
    }
}

/// Has the IDE's program print its version, as the server's account where this is root.
fn started(settings: &Settings, ide: Ide) -> Option<Check> {
    if !matches!(ide, Ide::Jupyter | Ide::CodeServer) {
        return None;
    }
    let runs =
        |path: &str| std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.mode() & 0o111 != 0);
    let program = doctor::start(settings, ide, &runs).ok()?;
    let mut command = Command::new(&program);
    command.arg("--version").current_dir("/").env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent").env("LANG", "C.UTF-8");
    let account = User::from_name(settings.rserver.server_user.as_str()).ok().flatten();
    let whom = match account.filter(|_| nix::unistd::geteuid().is_root()) {
        Some(user) => {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
            user.name
        }
        None => "this user".to_owned(),
    };
    let subject = format!("IDE {} started", ide.word());
    Some(match printed(&mut command) {
        Ok(version) => Check::new(Outcome::Pass, subject, format!("as {whom}: {version}")),
        Err(why) => Check::new(Outcome::Fail, subject, format!("`{program} --version` as {whom}: {why}"))
            .hint("everybody must be able to read and run it, with all that it loads"),
    })
}

/// The first line that a program prints, if it ends well in time.
fn printed(command: &mut Command) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("can't be started: {error}"))?;
    let until = Instant::now() + WITHIN;
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() >= until => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer within {} seconds", WITHIN.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let mut text = String::new();
    if let Some(out) = child.stdout.take() {
        let _ = std::io::Read::read_to_string(&mut std::io::Read::take(out, 4096), &mut text);
    }
    if !status.success() {
        return Err(format!("it failed: {status}"));
    }
    Ok(printable(text.lines().next().unwrap_or_default().trim(), 100))
}

/// Control groups, by which a session is ended as a whole.
fn groups() -> Check {
    let facts = host::facts();
    match facts.cgroup {
        1.. => Check::new(
            Outcome::Pass,
            "control groups",
            "there: a session's processes end together, and can be limited",
        ),
        0 => Check::new(
            Outcome::Info,
            "control groups",
            "none can be made here: processes are found by their parents",
        )
        .hint("`Delegate=yes` in the unit; `portcullis doctor` says what that costs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_found_in_every_form_of_a_line() {
        let text = "# x\nauth required pam_a.so nodelay\nauth [success=1 default=ignore] pam_b.so\n-session optional pam_c.so\n\
                    @include common-auth\naccount include common-account\nsession substack more\n";
        let mut files = vec!["own".to_owned()];
        assert_eq!(named(text, &mut files), ["pam_a.so", "pam_b.so"]);
        assert_eq!(files, ["own", "common-auth", "common-account", "more"]);
    }

    #[test]
    fn what_is_named_and_missing_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
        write("own", "auth required pam_no_such_thing.so\n@include own\n@include other\n");
        write("other", "session required /nowhere/pam_x.so\n");
        let checks = modules("own", dir.path());
        assert_eq!(checks[0].outcome, Outcome::Fail);
        assert!(checks[0].text.ends_with("pam_no_such_thing.so, /nowhere/pam_x.so"), "{}", checks[0].text);
        assert!(modules("none", dir.path()).is_empty());
    }

    #[test]
    fn programs_are_tried() {
        assert_eq!(printed(Command::new("/bin/echo").arg("1.2.3")), Ok("1.2.3".to_owned()));
        assert!(printed(&mut Command::new("/bin/false")).is_err_and(|why| why.contains("failed")));
        assert!(printed(&mut Command::new("/nowhere/x")).is_err_and(|why| why.contains("can't be started")));
        let dir = tempfile::tempdir().expect("a directory");
        assert!(ours(dir.path()).iter().all(|check| check.outcome == Outcome::Fail));
    }

    #[test]
    fn a_port_that_is_taken_fails() {
        let taken_then_free = || {
            let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = taken.local_addr().expect("an address").port();
            let text = format!("www-address=127.0.0.1\nwww-port={port}\n");
            let settings = load(&Sources::new("/c", [("rserver.conf".to_owned(), text)])).settings;
            assert_eq!(bindable(&settings).outcome, Outcome::Fail);
            drop(taken);
            bindable(&settings).outcome == Outcome::Pass
        };
        // Another program may take a port in the moment that it is free.
        assert!((0..100).any(|_| taken_then_free()), "no port was free");
    }

    #[test]
    fn the_last_line_counts() {
        let checks = [Check::new(Outcome::Pass, "a", "b"), Check::new(Outcome::Fail, "c", "d").hint("e")];
        let text = told(&checks, Screen { width: None, colour: false });
        assert_eq!(
            text,
            "ok      a: b\nFAILED  c: d\n        hint: e\n\nthe installation is not whole: 1 ok, 0 to note, 1 failed\n"
        );
    }
}
