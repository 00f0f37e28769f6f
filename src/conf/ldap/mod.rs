//! `ldap.conf`: directories that check passwords, one section `[name]` each, tried in their order.
//!
//! Nothing here opens a file or a connection: the launcher reads the files that are named, and the process that asks the
//! directories gets what it read.

mod check;
mod filter;
pub(crate) mod reference;
mod word;

use crate::ini::{self, Item, Line};
use crate::option::FileKind;
pub use crate::options::ldap::Directory;
use crate::problem::Problem;
use crate::values::{Reader, Values};

pub(crate) use check::check;
pub use filter::Filter;
pub use word::{Address, Dn, GroupSearch, GroupSearchWord, HostPort, Name, NamePrefix};

/// Longest name of a section, in bytes: it is part of an account's identity, of log lines and of table columns.
pub const SECTION_MAX: usize = 64;
/// Most sections: each that does not answer costs its timeouts at every sign-in.
pub const SECTIONS_MAX: usize = 16;

/// One section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its name: with the unique id it names an identity, so a section that gets another name has other people in it.
    pub name: String,
    /// Its line, from 1.
    pub line: u32,
    pub(crate) source: String,
    pub(crate) values: Values,
}

impl Section {
    /// What it says.
    pub fn directory(&self) -> Directory {
        Directory::build(&self.values)
    }

    /// Line of an option, or of the section where nobody said it.
    pub fn line_of(&self, option: &str) -> u32 {
        self.values.find(option).map_or(self.line, |said| said.line)
    }
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// The file.
#[derive(Debug, Clone, Default)]
pub struct Ldap {
    /// Its sections in order.
    pub sections: Vec<Section>,
}

impl Ldap {
    pub(crate) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let names = FileKind::Ldap.options().map(|opt| opt.name).collect();
        let reader = Reader { file: FileKind::Ldap, lookup: &|name| FileKind::Ldap.option(name), names };
        let mut sections: Vec<Section> = Vec::new();
        // Lines below a section that is wrong belong to nobody, and are checked all the same.
        let mut nobody = Values::default();
        let (mut orphaned, mut begun) = (false, false);
        let mut flawed = Vec::new();
        for line in ini::lines(text) {
            begun |= matches!(line.item, Item::Section { .. });
            match &line.item {
                Item::Section { name } => match named(name, &sections) {
                    Ok(()) => {
                        orphaned = false;
                        let (source, values) = (line.source.clone(), Values::default());
                        sections.push(Section { name: name.clone(), line: line.number, source, values });
                    }
                    Err((why, hint)) => {
                        orphaned = true;
                        nobody = Values::default();
                        problems.push(reader.problem(&line, line.key.clone(), None, why).hint(hint));
                    }
                },
                Item::Pair { key, .. } if !begun => problems.push(before_sections(&reader, &line, key)),
                _ => match sections.last_mut() {
                    Some(section) if !orphaned => {
                        let before = problems.len();
                        reader.line(&line, &mut section.values, problems);
                        if problems.len() > before {
                            flawed.push(section.line);
                        }
                    }
                    _ => reader.line(&line, &mut nobody, problems),
                },
            }
        }
        // What is missing may stand in a line that is wrong.
        for section in sections.iter().filter(|section| !flawed.contains(&section.line)) {
            check::section(section, problems);
        }
        Self { sections }
    }

    /// A section by its name.
    pub fn of(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The name of the Unix account of somebody in a section, before rewriting rules: `account-prefix` and the name there.
    pub fn account_name(&self, section: &str, user: &str) -> String {
        let prefix = self.of(section).map(|section| section.directory().account_prefix).unwrap_or_default();
        format!("{prefix}{user}")
    }
}

fn before_sections(reader: &Reader<'_>, line: &Line, key: &str) -> Problem {
    let text = "it stands before the first section, so it is about nothing".to_owned();
    reader.problem(line, line.key.clone(), Some(key), text).hint("write `[name]` above it")
}

/// Whether a section may have this name, or what is wrong with it and what to do.
fn named(name: &str, before: &[Section]) -> Result<(), (String, String)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > SECTION_MAX || !name.chars().all(plain) {
        let hint = format!("write letters, digits, `-`, `_` and `.`, at most {SECTION_MAX}");
        return Err((format!("`{name}` can't be the name of a directory"), hint));
    }
    if let Some(first) = before.iter().find(|section| section.name == name) {
        let text = format!("`[{name}]` is given twice, in line {} and here", first.line);
        return Err((text, "put everything into one section".to_owned()));
    }
    if before.len() >= SECTIONS_MAX {
        let hint = format!("at most {SECTIONS_MAX} are tried one after the other");
        return Err(("there are too many directories".to_owned(), hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
