//! A declared application, as the configuration says it.

use portcullis_conf::FileKind;
use portcullis_conf::adapters::{App as Said, Listen, Prefix as Word, Section};
use portcullis_model::{AppName, UserName};

use crate::Row;
use crate::adapter::Prefix;

/// An application that people may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    name: AppName,
    said: Said,
    rows: Vec<Row>,
    /// Lines of the file: the section, `users`, `groups`.
    lines: [u32; 3],
}

impl App {
    /// Of a section; `None` when it is not about an application.
    pub(crate) fn new(section: &Section, rows: Vec<Row>) -> Option<Self> {
        let lines = [section.line, section.line_of("users"), section.line_of("groups")];
        Some(Self { name: section.name()?, said: section.app()?, rows, lines })
    }

    /// Its name.
    pub fn name(&self) -> AppName {
        self.name
    }

    /// What people read; its name where nothing was said.
    pub fn title(&self) -> &str {
        if self.said.title.is_empty() { self.name.as_str() } else { &self.said.title }
    }

    /// Its rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether its requests keep the session's prefix.
    pub fn prefix(&self) -> Prefix {
        match self.said.prefix {
            Word::Keep => Prefix::Keep,
            Word::Strip => Prefix::Strip,
        }
    }

    /// Whether it can only listen on TCP, so that it isn't started.
    pub fn is_tcp(&self) -> bool {
        self.said.listen == Listen::Tcp
    }

    /// What was said of it.
    pub(crate) fn said(&self) -> &Said {
        &self.said
    }

    /// Where it was declared.
    pub fn place(&self) -> String {
        format!("{}:{}", FileKind::Adapters.name(), self.lines[0])
    }

    /// The rule by which a person may not start it; `None` when they may.
    pub fn refuses(&self, user: &UserName, groups: &[String]) -> Option<String> {
        let (users, wanted) = (&self.said.users, &self.said.groups);
        let named = users.iter().any(|name| name == user.as_str());
        let member = wanted.iter().any(|group| groups.contains(group));
        if named || member || (users.is_empty() && wanted.is_empty()) {
            return None;
        }
        let (option, names, line) = if users.is_empty() {
            ("groups", wanted, self.lines[2])
        } else {
            ("users", users, self.lines[1])
        };
        Some(format!("{option}={} ({}:{line})", names.join(","), FileKind::Adapters.name()))
    }
}
