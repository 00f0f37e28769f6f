//! What is written about the command line from its one declaration: the reference (`docs/cli.md`), manual pages, completions.
//!
//! Called by `portcullis generate DIR`, which packages use, and by the tests that find what is out of date.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::{Arg, Command, CommandFactory as _};
use clap_complete::Shell;

use crate::{Answer, Cli, exit};

/// A file's name and its bytes.
pub type Page = (String, Vec<u8>);

/// The declaration, with every subcommand's whole name.
fn command() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// Manual pages of section 8: one for the program, one for each command.
///
/// # Errors
/// Never in practice: they are made in memory.
pub fn manual() -> std::io::Result<Vec<Page>> {
    let mut pages = Vec::new();
    page(&command(), "portcullis", &mut pages)?;
    Ok(pages)
}

fn page(command: &Command, name: &str, pages: &mut Vec<Page>) -> std::io::Result<()> {
    // Kept until the program ends, which is soon: the declaration wants names that stay.
    let whole: &'static str = name.to_owned().leak();
    let named = command.clone().name(whole).display_name(whole).version(env!("CARGO_PKG_VERSION"));
    let man = clap_mangen::Man::new(named)
        .section("8")
        .date("")
        .source(concat!("portcullis ", env!("CARGO_PKG_VERSION")))
        .manual("Portcullis");
    let mut text = Vec::new();
    man.render(&mut text)?;
    if name == "portcullis" {
        text.extend(exit_statuses());
    }
    pages.push((format!("{name}.8"), text));
    for below in command.get_subcommands().filter(|below| shown(below)) {
        page(below, &format!("{name}-{}", below.get_name()), pages)?;
    }
    Ok(())
}

/// Verbs of RStudio Server have a line of their own; `generate` is nobody's business but packages'.
fn shown(command: &Command) -> bool {
    !command.is_hide_set()
}

fn exit_statuses() -> Vec<u8> {
    let mut text = String::from(".SH \"EXIT STATUS\"\n");
    for (code, whose, doc) in exit::TABLE {
        let whose = if whose.is_empty() { String::new() } else { format!(" ({})", whose.replace('`', "")) };
        let _ = write!(text, ".TP\n{code}{whose}\n{}\n", roff(doc.trim()));
    }
    text.into_bytes()
}

/// Text that begins no request of roff's.
fn roff(text: &str) -> String {
    text.replace('\\', "\\\\").replace('`', "").replace('-', "\\-").replace('\'', "\\(aq")
}

/// Completions for the shells that people have.
pub fn completions() -> Vec<Page> {
    [(Shell::Bash, "portcullis.bash"), (Shell::Zsh, "_portcullis"), (Shell::Fish, "portcullis.fish")]
        .map(|(shell, name)| {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut text);
            (name.to_owned(), text)
        })
        .into()
}

/// `portcullis generate`.
pub(crate) fn write(dir: &Path) -> anyhow::Result<Answer> {
    let mut text = String::new();
    for (folder, pages) in [("man", manual()?), ("completions", completions())] {
        let folder = dir.join(folder);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        for (name, bytes) in pages {
            let path = folder.join(name);
            std::fs::write(&path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
            let _ = writeln!(text, "{}", path.display());
        }
    }
    Ok(Answer { text, ..Answer::default() })
}

/// `docs/cli.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Command line\n\nMade from the declarations in `src/admin`; `portcullis help COMMAND` prints the same. What asks the running \
         daemon is root's alone. Tables are for people, `--json` is for programs.\n\n",
    );
    let command = command();
    text.push_str("| Command | |\n|---|---|\n");
    each(&command, "portcullis", &mut |name, one| {
        if is_called(one) {
            let _ = writeln!(text, "| [`{name}`](#{}) | {} |", anchor(name), cell(&about(one)));
        }
    });
    text.push_str("\n## Exit statuses\n\n| Code | Known as | Means |\n|---|---|---|\n");
    for (code, whose, doc) in exit::TABLE {
        let _ = writeln!(text, "| {code} | {whose} | {} |", doc.trim());
    }
    text.push_str("\n## Verbs of RStudio Server\n\nFor administrators who type them out of habit, and their scripts.\n\n| Verb | Does |\n|---|---|\n");
    for verb in command.get_subcommands().filter(|one| one.is_hide_set() && one.get_name() != "generate") {
        let _ = writeln!(text, "| `portcullis {}` | {} |", usage(verb), cell(&about(verb)));
    }
    for (verb, ours) in [("test-config", "check-config"), ("list-users", "users")] {
        let _ = writeln!(text, "| `portcullis {verb}` | another name of `portcullis {ours}` |");
    }
    each(&command, "portcullis", &mut |name, one| {
        if is_called(one) {
            section(&mut text, name, one);
        }
    });
    text
}

/// Whether it does something by itself, and isn't only the name of a group.
fn is_called(command: &Command) -> bool {
    !command.get_subcommands().any(shown) || command.get_arguments().any(Arg::is_positional)
}

fn each(command: &Command, name: &str, see: &mut dyn FnMut(&str, &Command)) {
    for below in command.get_subcommands().filter(|below| shown(below)) {
        let name = format!("{name} {}", below.get_name());
        see(&name, below);
        each(below, &name, see);
    }
}

fn section(text: &mut String, name: &str, command: &Command) {
    let _ = write!(text, "\n## {name}\n\n");
    let long = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = write!(text, "{}\n\n", long.trim());
    let aliases: Vec<String> = command.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    if !aliases.is_empty() {
        let _ = write!(text, "Also: {}.\n\n", aliases.join(", "));
    }
    let _ = writeln!(text, "`{}`", usage_of(name, command));
    let arguments: Vec<&Arg> =
        command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help").collect();
    if !arguments.is_empty() {
        text.push_str("\n| | |\n|---|---|\n");
    }
    for argument in arguments {
        let help =
            argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let defaults: Vec<String> =
            argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        let default = defaults.iter().find(|value| !value.is_empty() && !matches!(value.as_str(), "false"));
        let default = default.map_or_else(String::new, |value| format!(". Default: `{value}`"));
        let _ = writeln!(
            text,
            "| `{}` | {}{default} |",
            cell(&form(argument)),
            cell(&help).trim_end_matches('.')
        );
    }
}

/// `--lines NUMBER`, `USER`.
fn form(argument: &Arg) -> String {
    let values: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let value = if argument.get_action().takes_values() { values.join(" ") } else { String::new() };
    match (argument.get_long(), argument.get_short()) {
        (Some(long), Some(short)) => format!("-{short}, --{long} {value}").trim().to_owned(),
        (Some(long), None) => format!("--{long} {value}").trim().to_owned(),
        (None, Some(short)) => format!("-{short} {value}").trim().to_owned(),
        (None, None) => value,
    }
}

fn usage(command: &Command) -> String {
    let positional = command.get_positionals().map(form);
    std::iter::once(command.get_name().to_owned())
        .chain(positional)
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

fn usage_of(name: &str, command: &Command) -> String {
    let usage = command.clone().bin_name(name).render_usage().to_string();
    usage.trim_start_matches("Usage:").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// A text for a cell: on one line, without what would end it.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// As the hosts of repositories make an anchor of a heading.
fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn current(path: &Path, text: &[u8]) -> bool {
        if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        std::fs::read(path).is_ok_and(|found| found == text)
    }

    #[test]
    fn reference_pages_and_completions_are_current() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut files: Vec<(PathBuf, Vec<u8>)> = vec![(root.join("docs/cli.md"), markdown().into_bytes())];
        let in_folder = |folder: &str, pages: Vec<Page>| {
            let folder = root.join("etc").join(folder);
            pages.into_iter().map(|(name, bytes)| (folder.join(name), bytes)).collect::<Vec<_>>()
        };
        files.extend(in_folder("man", manual().expect("made")));
        files.extend(in_folder("completions", completions()));
        let stale: Vec<_> =
            files.iter().filter(|(path, text)| !current(path, text)).map(|(path, _)| path).collect();
        assert!(
            stale.is_empty(),
            "out of date: {stale:#?}; PORTCULLIS_GENERATE=1 cargo test -p portcullis-admin current writes them"
        );
    }

    #[test]
    fn every_command_has_a_page_and_a_section() {
        let pages: Vec<String> = manual().expect("made").into_iter().map(|(name, _)| name).collect();
        let text = markdown();
        for name in
            ["portcullis", "portcullis-revoke", "portcullis-session-why-alive", "portcullis-check-config"]
        {
            assert!(pages.contains(&format!("{name}.8")), "{name}: {pages:?}");
        }
        for heading in ["## portcullis revoke\n", "## portcullis session kill\n", "## portcullis conf show\n"]
        {
            assert!(text.contains(heading), "{heading}");
        }
        for verb in ["active-sessions", "kill-session PID\\|ID", "force-suspend-all", "test-config"] {
            assert!(text.contains(&format!("`portcullis {verb}`")), "{verb}: {text}");
        }
        assert!(!text.contains("portcullis generate"));
    }

    #[test]
    fn writing_gives_the_same_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let answer = write(dir.path()).expect("written");
        assert!(
            answer.text.contains("/man/portcullis-revoke.8")
                && answer.text.contains("/completions/_portcullis")
        );
    }
}
