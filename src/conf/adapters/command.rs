//! The kinds of values by which an application is started: a program with its arguments, variables, words.
//!
//! No shell reads a command: white space separates words, double quotes keep them together, and that is all. Placeholders in
//! braces are filled in when a session starts ([`fill`]).

use portcullis_model::UserName;

use super::route::nearest;
use crate::value::{Bad, Value, one_of};

/// The words that may stand in braces.
const PLACEHOLDERS: [&str; 5] = ["socket", "port", "base-url", "home", "session-dir"];
/// Longest title: it stands on a button.
const TITLE_MAX: usize = 60;

/// Puts values in place of `{word}`; braces around anything else stay as they are.
pub fn fill(text: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, word, after)) = next_placeholder(rest) {
        out.push_str(before);
        match value(word) {
            Some(value) => out.push_str(&value),
            None => {
                out.push('{');
                out.push_str(word);
                out.push('}');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The first `{word}` of lower-case letters and `-`, with what stands before and after it.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    for (open, _) in text.match_indices('{') {
        let rest = &text[open + 1..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
        if end > 0 && rest[end..].starts_with('}') {
            return Some((&text[..open], &rest[..end], &rest[end + 1..]));
        }
    }
    None
}

/// Whether a text has this placeholder.
pub(super) fn mentions(text: &str, wanted: &str) -> bool {
    let mut rest = text;
    while let Some((_, word, after)) = next_placeholder(rest) {
        if word == wanted {
            return true;
        }
        rest = after;
    }
    false
}

fn placeholders_known(text: &str) -> Result<(), Bad> {
    let mut rest = text;
    while let Some((_, word, after)) = next_placeholder(rest) {
        if !PLACEHOLDERS.contains(&word) {
            let hint = match nearest(word, PLACEHOLDERS.into_iter()) {
                Some(near) => format!("did you mean `{{{near}}}`?"),
                None => "there are `{socket}`, `{base-url}`, `{home}` and `{session-dir}`".to_owned(),
            };
            return Err(Bad::with(format!("`{{{word}}}` stands for nothing"), hint));
        }
        rest = after;
    }
    Ok(())
}

/// A program and its arguments.
#[derive(Debug)]
pub struct Command;

impl Value for Command {
    type Out = Vec<String>;

    fn words() -> String {
        "absolute path of a program and its arguments; `\"…\"` keeps words together, no shell reads it".into()
    }

    fn parse(text: &str) -> Result<Vec<String>, Bad> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let words = split(text)?;
        let program = words.first().map_or("", String::as_str);
        if !program.starts_with('/') || program.contains('{') {
            let text = format!("`{program}` is not the absolute path of a program");
            return Err(Bad::with(text, "begin it with `/`, without a placeholder"));
        }
        placeholders_known(text)?;
        Ok(words)
    }
}

/// Words at white space; `"…"` keeps them together, and within it `\"` and `\\` stand for `"` and `\`.
fn split(text: &str) -> Result<Vec<String>, Bad> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted && matches!(chars.peek(), Some('"' | '\\')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(Bad::with("a quote is opened and not closed", "write `\"` at its end"));
    }
    words.extend(word);
    Ok(words)
}

/// Variables that the session sets itself.
const OURS: [&str; 5] = ["HOME", "USER", "LOGNAME", "SHELL", "PORTCULLIS_TOKEN"];

/// A variable of the environment.
#[derive(Debug)]
pub struct EnvironmentLine;

impl Value for EnvironmentLine {
    type Out = (String, String);

    fn words() -> String {
        "`NAME=value`".into()
    }

    fn parse(text: &str) -> Result<(String, String), Bad> {
        let form = "write `NAME=value`";
        let Some((name, value)) = text.split_once('=') else {
            return Err(Bad::with(format!("`{text}` is no variable with a value"), form));
        };
        let (name, value) = (name.trim(), value.trim());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.bytes().all(plain) {
            return Err(Bad::with(format!("`{name}` is not the name of a variable"), form));
        }
        if OURS.contains(&name) {
            return Err(Bad::with(format!("`{name}` is set by the session"), "leave the line out"));
        }
        placeholders_known(value)?;
        Ok((name.to_owned(), value.to_owned()))
    }
}

/// What an application listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket in the session's private directory.
    Unix,
    /// A TCP port, where every account of the machine may knock.
    Tcp,
}

/// A word for [`Listen`].
#[derive(Debug)]
pub struct ListenWord;

impl Value for ListenWord {
    type Out = Listen;

    fn words() -> String {
        "`unix` or `tcp`".into()
    }

    fn parse(text: &str) -> Result<Listen, Bad> {
        one_of(text, &[("unix", Listen::Unix), ("tcp", Listen::Tcp)])
    }
}

/// Whether an application knows the path it is served under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// It was told `{base-url}`: requests keep it.
    Keep,
    /// It believes to be at `/`.
    Strip,
}

/// A word for [`Prefix`].
#[derive(Debug)]
pub struct PrefixWord;

impl Value for PrefixWord {
    type Out = Prefix;

    fn words() -> String {
        "`keep` or `strip`".into()
    }

    fn parse(text: &str) -> Result<Prefix, Bad> {
        one_of(text, &[("keep", Prefix::Keep), ("strip", Prefix::Strip)])
    }
}

/// A path to ask for.
#[derive(Debug)]
pub struct ProbePath;

impl Value for ProbePath {
    type Out = String;

    fn words() -> String {
        "path that is answered with 200 as soon as the application serves".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        if !text.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Bad::with(format!("`{text}` is no path to ask for"), "begin it with `/`"));
        }
        Ok(text.to_owned())
    }
}

/// A directory, which may begin with a placeholder.
#[derive(Debug)]
pub struct WorkingDir;

impl Value for WorkingDir {
    type Out = String;

    fn words() -> String {
        "absolute directory, or one below `{home}` or `{session-dir}`".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        placeholders_known(text)?;
        if ["/", "{home}", "{session-dir}"].iter().any(|start| text.starts_with(start)) {
            return Ok(text.to_owned());
        }
        Err(Bad::with(format!("`{text}` is no absolute directory"), "begin it with `/` or `{home}`"))
    }
}

/// What stands on a button.
#[derive(Debug)]
pub struct Title;

impl Value for Title {
    type Out = String;

    fn words() -> String {
        format!("text of at most {TITLE_MAX} characters")
    }

    fn parse(text: &str) -> Result<String, Bad> {
        if text.chars().count() > TITLE_MAX {
            let what = format!("it has more than {TITLE_MAX} characters");
            return Err(Bad::with(what, "it stands on a button: write fewer words"));
        }
        Ok(text.to_owned())
    }
}

/// Names of accounts or groups.
#[derive(Debug)]
pub struct People;

impl Value for People {
    type Out = Vec<String>;

    fn words() -> String {
        "names separated by `,`".into()
    }

    fn parse(text: &str) -> Result<Vec<String>, Bad> {
        let names = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        names
            .map(|name| match name.parse::<UserName>() {
                Ok(name) => Ok(name.into()),
                Err(why) => Err(Bad::with(
                    format!("`{name}` can't be a name: {why}"),
                    "separate names by `,`; groups are written without `@`",
                )),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_without_a_shell() {
        let split = |text: &str| Command::parse(text).expect(text);
        assert_eq!(split("/bin/x a  b"), ["/bin/x", "a", "b"]);
        assert_eq!(
            split(r#"/bin/x -e "f('{socket}', \"q\")" "" $HOME;ls"#),
            ["/bin/x", "-e", "f('{socket}', \"q\")", "", "$HOME;ls"]
        );
        assert_eq!(split(r#"/bin/x a" b "c \n"#), ["/bin/x", "a b c", "\\n"]);
        for bad in ["x {socket}", "{home}/x", "/bin/x \"a", "/bin/x {sokcet}", "/bin/x {token}"] {
            assert!(Command::parse(bad).is_err(), "{bad}");
        }
        let near = Command::parse("/bin/x {sokcet}").expect_err("a slip");
        assert_eq!(near.hint.as_deref(), Some("did you mean `{socket}`?"));
    }

    #[test]
    fn placeholders_are_filled_and_other_braces_stay() {
        let value = |word: &str| (word == "home").then(|| "/home/{socket}".to_owned());
        assert_eq!(
            fill("{home}/a {\"b\":{}} {x {Home} {home}", &value),
            "/home/{socket}/a {\"b\":{}} {x {Home} /home/{socket}"
        );
        assert_eq!(fill("{socket}", &value), "{socket}");
        assert!(mentions("unix:{socket},x", "socket") && !mentions("{sockets} socket", "socket"));
    }

    #[test]
    fn variables_have_names_and_not_ours() {
        assert_eq!(
            EnvironmentLine::parse("A_1 = {base-url}/x=y"),
            Ok(("A_1".into(), "{base-url}/x=y".into()))
        );
        for bad in ["A", "=x", "1A=x", "A-B=x", "HOME=/x", "PORTCULLIS_TOKEN=x", "A={sokcet}"] {
            assert!(EnvironmentLine::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_other_words_are_checked() {
        assert_eq!(People::parse("anna, ben,"), Ok(vec!["anna".into(), "ben".into()]));
        assert!(People::parse("anna ben").is_err() && Title::parse(&"x".repeat(61)).is_err());
        assert!(WorkingDir::parse("srv").is_err() && WorkingDir::parse("{home}/x").is_ok());
        assert!(ProbePath::parse("x").is_err() && ProbePath::parse("/a b").is_err());
    }
}
