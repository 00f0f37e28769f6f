//! The forms of scripts that start a program: each is recognised whole, or not at all.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::r::Install;
use super::tokens::{Token, tokens};

/// A script that is understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// R's front end.
    R(Install),
    /// These words, of which the first is the program.
    Exec(Vec<Token>),
}

impl Form {
    /// What a script's text is.
    pub(super) fn of(text: &str) -> Option<Self> {
        if !is_shell_script(text) {
            return None;
        }
        if let Some(install) = Install::of(text) {
            return Some(Self::R(install));
        }
        python(text).or_else(|| only_exec(text)).or_else(|| bundled(text)).map(Self::Exec)
    }
}

/// Whether the first line names a shell that this stands in for.
pub(super) fn is_shell_script(text: &str) -> bool {
    let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("#!")) else { return false };
    let mut words = line.split_ascii_whitespace();
    let shell = |word: &str| ["sh", "dash", "bash", "rbash"].contains(&word);
    match words.next() {
        Some("/usr/bin/env") => words.next().is_some_and(shell) && words.next().is_none(),
        Some(path) => path.starts_with('/') && path.rsplit('/').next().is_some_and(shell),
        None => false,
    }
}

/// What pip writes where a line of `#!` can't hold the interpreter's path: a script that Python reads as a text at its head.
fn python(text: &str) -> Option<Vec<Token>> {
    let mut lines = text.lines().skip(1);
    let words = tokens(lines.next()?.strip_prefix("'''exec' ")?)?;
    let closes = lines.next()? == "' '''";
    let whole = matches!(words.as_slice(), [Token::Literal(_), Token::Script, Token::Arguments]);
    (closes && whole).then_some(words)
}

/// A script that does nothing but start a program with literal words and its own arguments.
fn only_exec(text: &str) -> Option<Vec<Token>> {
    let mut lines =
        text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = exec(lines.next()?)?;
    let literal = words.iter().all(|word| matches!(word, Token::Literal(_) | Token::Arguments));
    (literal && lines.next().is_none()).then_some(words)
}

/// The script of code-server's releases, which finds its own folder and starts the Node in it. Of its lines two count; what
/// stands between finds the folder, which is found here by the script's own place.
fn bundled(text: &str) -> Option<Vec<Token>> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let [.., root, last] = lines.as_slice() else { return None };
    let words = exec(last)?;
    let rooted = matches!(words.as_slice(), [Token::Root(node), Token::Root(_), Token::Arguments] if node == "lib/node");
    (*root == r#"ROOT="$(root)""# && rooted).then_some(words)
}

/// The words after `exec`, when they end with the script's arguments and have those nowhere else.
fn exec(line: &str) -> Option<Vec<Token>> {
    let words = tokens(line.strip_prefix("exec ")?)?;
    let arguments = words.iter().filter(|word| **word == Token::Arguments).count();
    (words.len() >= 2 && arguments == 1 && words.last() == Some(&Token::Arguments)).then_some(words)
}

/// The program and its arguments. The program's path is absolute, or there is none.
pub(super) fn command(
    words: &[Token],
    script: &Path,
    args: Vec<OsString>,
) -> Option<(PathBuf, Vec<OsString>)> {
    let root = || Some(std::fs::canonicalize(script).ok()?.parent()?.parent()?.to_path_buf());
    let mut all: Vec<OsString> = Vec::with_capacity(words.len() + args.len());
    for word in words {
        match word {
            Token::Literal(text) => all.push(text.into()),
            Token::Script => all.push(script.into()),
            Token::Root(below) if below.is_empty() => all.push(root()?.into()),
            Token::Root(below) => all.push(root()?.join(below).into()),
            Token::Arguments => all.extend(args.iter().cloned()),
        }
    }
    let program = PathBuf::from(all.remove(0));
    program.is_absolute().then_some((program, all))
}
