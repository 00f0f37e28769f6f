//! R's front end: what its script (`R.sh` of R's source) does with its arguments and variables, done without a shell.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::tokens::is_bare;
use super::{Act, DISABLED, NOT_EXECUTABLE, owned};

/// Where an R is, as its script says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Install {
    home: String,
    share: String,
    include: String,
    doc: String,
    usage: String,
}

impl Install {
    /// Reads the script: each of the four folders is assigned once at the start of a line, literally.
    pub(super) fn of(text: &str) -> Option<Self> {
        let assigned = |name: &str| {
            let mut found = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            let (value, again) = (found.next()?, found.next());
            let literal = value.starts_with('/') && value.chars().all(is_bare) && !value.contains("/../");
            (literal && again.is_none()).then(|| value.to_owned())
        };
        Some(Self {
            home: assigned("R_HOME_DIR")?,
            share: assigned("R_SHARE_DIR")?,
            include: assigned("R_INCLUDE_DIR")?,
            doc: assigned("R_DOC_DIR")?,
            usage: usage(text).unwrap_or_default(),
        })
    }

    /// What the script would do with these arguments.
    pub(super) fn start(
        &self,
        args: &[OsString],
        env: &dyn Fn(&str) -> Option<OsString>,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Act {
        let fail = |why: String| Act::Fail(format!("ERROR: {why}"), 1);
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut set: Vec<(&'static str, OsString)> = Vec::new();
        let mut left = args;
        // As the script's loop: an empty argument ends it.
        while let [arg, rest @ ..] = left {
            let value = || rest.first().map(|value| value.as_bytes()).filter(|value| takes(value));
            let text = arg.as_bytes();
            let mut taken = 1;
            match text {
                b"" | b"--args" => break,
                b"RHOME" | b"--print-home" => return Act::Say(self.home.clone()),
                b"CMD" => return Act::Fail(format!("`R CMD` needs a shell: {DISABLED}"), NOT_EXECUTABLE),
                b"-h" | b"--help" => return Act::Say(self.usage.clone()),
                b"-g" | b"--gui" => {
                    let Some(gui) = value() else { return fail(needs(text, "an argument")) };
                    if !is_gui(gui) {
                        return fail(format!("unknown GUI {}", String::from_utf8_lossy(gui)));
                    }
                    words.extend([text.to_vec(), gui.to_vec()]);
                    taken = 2;
                }
                b"-e" => {
                    let Some(code) = value() else { return fail(needs(text, "a non-empty argument")) };
                    words.extend([text.to_vec(), escaped(code)]);
                    taken = 2;
                }
                b"-f" => {
                    let Some(file) = value() else { return fail(needs(text, "a filename argument")) };
                    words.extend([text.to_vec(), escaped(file)]);
                    taken = 2;
                }
                b"-d" | b"--debugger" | b"--arch" => return fail(not_here(text)),
                _ if [b"--debugger".as_slice(), b"--arch="].iter().any(|start| text.starts_with(start)) => {
                    return fail(not_here(text));
                }
                _ if text.starts_with(b"--gui=") && !is_gui(&text[6..]) => {
                    return fail(format!("unknown GUI {}", String::from_utf8_lossy(&text[6..])));
                }
                _ if text.starts_with(b"--file=") => words.push(escaped(text)),
                _ => {
                    set.extend(emptied(text).iter().map(|name| (*name, OsString::new())));
                    // Unquoted in the script, so what has blanks is several words.
                    let parts = text.split(u8::is_ascii_whitespace).filter(|part| !part.is_empty());
                    words.extend(parts.map(<[u8]>::to_vec));
                }
            }
            left = &left[taken..];
        }
        let libraries =
            libraries(&self.home, &read(&Path::new(&self.home).join("etc/ldpaths")).unwrap_or_default(), env);
        set.extend([
            ("R_HOME", OsString::from(&self.home)),
            ("R_SHARE_DIR", OsString::from(&self.share)),
            ("R_INCLUDE_DIR", OsString::from(&self.include)),
            ("R_DOC_DIR", OsString::from(&self.doc)),
            ("R_ARCH", OsString::new()),
            ("SED", OsString::from("/bin/sed")),
            ("LD_LIBRARY_PATH", libraries),
        ]);
        let mut args: Vec<OsString> = words.iter().map(|word| owned(word)).collect();
        args.extend(left.iter().cloned());
        Act::Run { program: Path::new(&self.home).join("bin/exec/R"), args, env: set }
    }
}

fn needs(option: &[u8], what: &str) -> String {
    format!("option '{}' requires {what}", String::from_utf8_lossy(option))
}

fn not_here(option: &[u8]) -> String {
    format!("option '{}' needs a shell: {DISABLED}", String::from_utf8_lossy(option))
}

/// Whether an option takes this as its value: something, and no other option.
fn takes(value: &[u8]) -> bool {
    let value = value.trim_ascii_start();
    !value.is_empty() && !value.starts_with(b"-")
}

fn is_gui(name: &[u8]) -> bool {
    matches!(name, b"" | b"Tk" | b"tk" | b"X11" | b"x11")
}

/// R undoes this: its words may not have blanks.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(text.len() + 16);
    for byte in text {
        match byte {
            b' ' => made.extend_from_slice(b"~+~"),
            b'\n' => made.extend_from_slice(b"~n~"),
            other => made.push(*other),
        }
    }
    made
}

/// Variables that an option empties, so that R reads no such file.
fn emptied(option: &[u8]) -> &'static [&'static str] {
    match option {
        b"--no-environ" => &["R_ENVIRON", "R_ENVIRON_USER"],
        b"--no-site-file" => &["R_PROFILE"],
        b"--no-init-file" => &["R_PROFILE_USER"],
        b"--vanilla" => &["R_ENVIRON", "R_ENVIRON_USER", "R_PROFILE", "R_PROFILE_USER"],
        _ => &[],
    }
}

/// `LD_LIBRARY_PATH`, by the lines `: ${NAME=value}` of `etc/ldpaths`: what is set already stays, the first line counts.
fn libraries(home: &str, ldpaths: &str, env: &dyn Fn(&str) -> Option<OsString>) -> OsString {
    let mut known: BTreeMap<String, OsString> = BTreeMap::from([("R_HOME".to_owned(), home.into())]);
    for line in ldpaths.lines() {
        let assigned = line.strip_prefix(": ${").and_then(|rest| rest.strip_suffix('}'));
        let Some((name, value)) = assigned.and_then(|text| text.split_once('=')) else { continue };
        if known.contains_key(name) {
            continue;
        }
        let value = env(name).or_else(|| expanded(value, &known));
        known.extend(value.map(|value| (name.to_owned(), value)));
    }
    let fallback = || OsString::from(format!("{home}/lib"));
    let mut path = known.remove("R_LD_LIBRARY_PATH").unwrap_or_else(fallback);
    let java = known.remove("R_JAVA_LD_LIBRARY_PATH");
    for more in [java, env("LD_LIBRARY_PATH")].into_iter().flatten().filter(|more| !more.is_empty()) {
        path.push(":");
        path.push(more);
    }
    path
}

/// A text of plain characters and `${NAME}` of known names.
fn expanded(value: &str, known: &BTreeMap<String, OsString>) -> Option<OsString> {
    let mut made = OsString::new();
    let mut rest = value;
    while let Some((plain, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        made.push(plain.chars().all(is_bare).then_some(plain)?);
        made.push(known.get(name)?);
        rest = after;
    }
    made.push(rest.chars().all(is_bare).then_some(rest)?);
    Some(made)
}

/// The help text: it stands in the script between double quotes.
fn usage(text: &str) -> Option<String> {
    let (_, from) = text.split_once("\nusage=\"")?;
    let end = from.match_indices('"').find(|(at, _)| !from[..*at].ends_with('\\'))?.0;
    Some(from[..end].replace("\\\"", "\"").trim_start_matches('\n').to_owned())
}
