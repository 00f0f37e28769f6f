//! What is in place of a shell where there is none: says so, and starts two programs that come as shell scripts.
//!
//! The session's own program, shown under a shell's name (`allow-shell=0`). R and code-server are started by scripts, and R's
//! packages want a shell that answers, if only by a failure. A script is followed when it is root's, nobody else can write it,
//! and it has one of the known forms; nothing in it is interpreted beyond the words that the form has. What is started has no
//! more rights than whoever asked: the kernel's rules hold for it as for everything in the session.

mod forms;
mod r;
mod tokens;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use self::forms::Form;

/// The name under which this program is the session.
const OWN_NAME: &str = "portcullis-session";
/// What whoever wants a shell is told.
const DISABLED: &str = "shell access is disabled in this session (allow-shell=0)";
/// As shells say that a command was found and can't be executed.
const NOT_EXECUTABLE: u8 = 126;
/// Scripts that start a program are shorter: R's is 9 kB.
const SCRIPT_MAX: u64 = 64 * 1024;
/// A packaged script starts another one; that one starts the program.
const SCRIPTS: usize = 3;

/// What to do in place of running a script.
#[derive(Debug, PartialEq, Eq)]
enum Act {
    /// Become this program.
    Run { program: PathBuf, args: Vec<OsString>, env: Vec<(&'static str, OsString)> },
    /// Write this and end well.
    Say(String),
    /// Say why not, with this status.
    Fail(String, u8),
    /// Remove this folder.
    Remove(PathBuf),
}

/// Whether this process stands in for a shell: by the name of the file that is executed, which whoever executes it can't choose.
pub(crate) fn stands_in() -> bool {
    let name = std::fs::read_link("/proc/self/exe").ok();
    let name = name.as_deref().and_then(Path::file_name).map(OsStr::as_bytes).unwrap_or_default();
    // A file that was replaced while it runs, by an update, is named so.
    name.strip_suffix(b" (deleted)").unwrap_or(name) != OWN_NAME.as_bytes()
}

/// Stands in for a shell.
pub(crate) fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(act) = script(&args).and_then(|(script, rest)| follow(Path::new(script), rest.to_vec())) {
        return carry_out(act);
    }
    if let Some(act) = chore(&args) {
        return carry_out(act);
    }
    if !is_silenced(&args) {
        complain(DISABLED);
    }
    ExitCode::from(NOT_EXECUTABLE)
}

/// The script that this was started for, and its arguments; the kernel puts at most one option before its path.
fn script(args: &[OsString]) -> Option<(&OsString, &[OsString])> {
    let is_path = |arg: &OsString| arg.as_bytes().starts_with(b"/");
    match args {
        [script, rest @ ..] if is_path(script) => Some((script, rest)),
        [option, script, rest @ ..] if option.as_bytes().starts_with(b"-") && option != "-c" => {
            is_path(script).then_some((script, rest))
        }
        _ => None,
    }
}

/// What R has a shell do by itself, done without one: at its start it asks for the system's name, which everybody can read, and
/// at its end it removes its own temporary folder. Both would tell people of a shell that they never asked for.
fn chore(args: &[OsString]) -> Option<Act> {
    let [option, command] = args else { return None };
    let command = command.to_str().filter(|_| option == "-c")?;
    if command == "uname -a" {
        let system = nix::sys::utsname::uname().ok()?;
        let parts =
            [system.sysname(), system.nodename(), system.release(), system.version(), system.machine()];
        let parts: Vec<_> = parts.into_iter().map(OsStr::to_string_lossy).collect();
        return Some(Act::Say(format!("{} GNU/Linux", parts.join(" "))));
    }
    let path = command.strip_prefix("rm -Rf ")?;
    let name = path.strip_prefix('/')?.rsplit('/').next()?.strip_prefix("Rtmp")?;
    let plain = path.chars().all(tokens::is_bare) && !path.split('/').any(|part| part == "..");
    (plain && name.len() == 6).then(|| Act::Remove(path.into()))
}

/// Whether a shell's own complaints would have gone nowhere: R asks for programs so while it starts.
fn is_silenced(args: &[OsString]) -> bool {
    let [option, command, ..] = args else { return false };
    let command = command.as_bytes().trim_ascii_end();
    let away = [b"2>/dev/null".as_slice(), b"2> /dev/null", b">/dev/null 2>&1", b"> /dev/null 2>&1"];
    option == "-c" && away.iter().any(|away| command.ends_with(away))
}

/// What a script comes to, through scripts that only start others.
fn follow(script: &Path, mut args: Vec<OsString>) -> Option<Act> {
    let mut script = script.to_path_buf();
    for _ in 0..SCRIPTS {
        let act = match Form::of(&read(&script)?)? {
            Form::R(install) => {
                return Some(install.start(&args, &|name| std::env::var_os(name), &read_text));
            }
            Form::Exec(words) => forms::command(&words, &script, std::mem::take(&mut args))?,
        };
        let (program, rest) = act;
        if starts_shell(&program) {
            (script, args) = (program, rest);
            continue;
        }
        return Some(Act::Run { program, args: rest, env: Vec::new() });
    }
    None
}

/// Whether a file is a script of a shell's: read it again rather than start the kernel on it, whose `env` may be hidden.
fn starts_shell(program: &Path) -> bool {
    read(program).is_some_and(|text| forms::is_shell_script(&text))
}

/// The text of a file of root's that only root can write.
fn read(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let found = file.metadata().ok()?;
    let is_roots = found.uid() == 0 && found.mode() & 0o022 == 0;
    // What the kernel shows of processes is root's too, and says what they want; it has no length.
    if !found.is_file() || !is_roots || found.len() == 0 {
        return None;
    }
    let mut head = [0; 2];
    file.read_exact(&mut head).ok()?;
    if head != *b"#!" || found.len() > SCRIPT_MAX {
        return None;
    }
    let mut text = String::from("#!");
    file.take(SCRIPT_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

/// A file that a script would read, whoever's it is: the words of R's search path for libraries.
fn read_text(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(SCRIPT_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}

fn carry_out(act: Act) -> ExitCode {
    match act {
        Act::Say(text) => match std::io::stdout().write_all(format!("{text}\n").as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Act::Remove(folder) => match std::fs::remove_dir_all(folder) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Act::Fail(why, status) => {
            complain(&why);
            ExitCode::from(status)
        }
        Act::Run { program, args, env } => {
            // The program's name is as scripts give it: its whole path. Signals and descriptors are handed on.
            let error = Command::new(&program).args(args).envs(env).exec();
            complain(&format!("can't execute `{}`: {error}", program.display()));
            ExitCode::from(NOT_EXECUTABLE)
        }
    }
}

fn complain(text: &str) {
    // Nobody to tell when it is closed.
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

fn owned(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

#[cfg(test)]
mod tests;
