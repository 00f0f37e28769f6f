//! What the files say about options, before it becomes typed: texts with their places.

use std::ops::Range;

use serde::Serialize;

use crate::ini::{Item, Line};
use crate::option::{FileKind, Opt, Status};
use crate::problem::{Problem, Severity};
use crate::value::Value;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Nobody said it.
    Default,
    /// A line of a file.
    At {
        /// Name below the configuration directory.
        file: String,
        /// From 1.
        line: u32,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::At { file, line } => write!(f, "{file}:{line}"),
        }
    }
}

/// An option as a line says it; its text is a value of it.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub opt: &'static Opt,
    pub text: String,
    pub file: FileKind,
    pub line: u32,
    pub source: String,
    pub key: Range<usize>,
    pub value: Range<usize>,
    /// What an earlier `conf show` wrote about its origin, when that still fits the text.
    pub mark: Option<String>,
}

impl Said {
    /// A problem with its value.
    pub(crate) fn problem(&self, severity: Severity, text: impl Into<String>) -> Problem {
        Problem {
            file: self.file.name().to_owned(),
            line: self.line,
            span: self.value.clone(),
            option: Some(self.opt.name.to_owned()),
            severity,
            text: text.into(),
            hint: None,
            source: Some(self.source.clone()),
        }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::At { file: self.file.name().to_owned(), line: self.line }
    }
}

/// What one file (or a section of it) says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    pub said: Vec<Said>,
}

impl Values {
    /// The typed value of an option.
    pub(crate) fn get<V: Value>(&self, name: &str, default: &str) -> V::Out {
        let texts: Vec<&str> = self.all(name).map(|said| said.text.as_str()).collect();
        // Each text was checked by the same parser before it came here, so only the default can be left.
        V::gather(&texts).ok().filter(|_| !texts.is_empty()).unwrap_or_else(|| {
            V::gather(&[default]).unwrap_or_else(|bad| unreachable!("default of `{name}`: {}", bad.text))
        })
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Said> {
        self.said.iter().filter(move |said| said.opt.name == name)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Said> {
        self.said.iter().rev().find(|said| said.opt.name == name)
    }

    pub(crate) fn origin(&self, name: &str) -> Origin {
        self.find(name).map_or(Origin::Default, Said::origin)
    }

    /// Lets `other` override: an option that it gives is no longer given here.
    pub(crate) fn overlay(&mut self, other: &Self) {
        self.said.retain(|said| other.find(said.opt.name).is_none());
        self.said.extend(other.said.iter().cloned());
    }
}

/// Reads the `key=value` lines of a file or section, given its options.
pub(crate) struct Reader<'a> {
    pub file: FileKind,
    /// Finds an option by its name.
    pub lookup: &'a dyn Fn(&str) -> Option<&'static Opt>,
    /// All names, for the nearest one.
    pub names: Vec<&'static str>,
}

impl Reader<'_> {
    /// A file without sections.
    pub(crate) fn flat(&self, lines: &[Line], problems: &mut Vec<Problem>) -> Values {
        let mut values = Values::default();
        for line in lines {
            match &line.item {
                Item::Section { .. } => problems.push(
                    self.problem(line, line.key.clone(), None, "this file has no sections".into())
                        .hint("remove the line; sections belong to profiles"),
                ),
                _ => self.line(line, &mut values, problems),
            }
        }
        values
    }

    /// One line that is not a section.
    pub(crate) fn line(&self, line: &Line, values: &mut Values, problems: &mut Vec<Problem>) {
        match &line.item {
            Item::Empty { comment } => mark(comment.as_deref(), line.number, values),
            Item::Section { .. } => {}
            Item::Wrong { why, hint } => {
                problems.push(self.problem(line, line.key.clone(), None, (*why).to_owned()).hint(*hint));
            }
            Item::Pair { key, value } => {
                let place = match self.pair(line, key, value, values) {
                    Ok(said) => return values.said.push(said),
                    Err(place) => place,
                };
                problems.push(*place);
            }
        }
    }

    fn pair(&self, line: &Line, key: &str, text: &str, values: &Values) -> Result<Said, Box<Problem>> {
        let Some(opt) = (self.lookup)(key) else {
            let problem = self.problem(line, line.key.clone(), Some(key), "there is no such option".into());
            return Err(Box::new(self.nearest(key, problem)));
        };
        if let Some(c) = text.chars().find(|c| c.is_control() || *c == '\u{fffd}') {
            let what = if c == '\u{fffd}' {
                "the value has bytes that are not UTF-8"
            } else {
                "the value has a control character"
            };
            return Err(Box::new(self.problem(line, line.value.clone(), Some(key), what.into())));
        }
        if let Err(bad) = (opt.check)(text) {
            let mut problem = self.problem(line, line.value.clone(), Some(key), bad.text);
            problem.hint = bad.hint;
            return Err(Box::new(problem));
        }
        let said = Said {
            opt: successor(self.lookup, opt).unwrap_or(opt),
            text: text.to_owned(),
            file: self.file,
            line: line.number,
            source: line.source.clone(),
            key: line.key.clone(),
            value: line.value.clone(),
            mark: None,
        };
        if let Some(first) = values.find(said.opt.name).filter(|_| !said.opt.list) {
            let text = format!("it is given twice, in line {} and here", first.line);
            let problem = self.problem(line, line.key.clone(), Some(key), text);
            return Err(Box::new(problem.hint("remove one of the two lines")));
        }
        Ok(said)
    }

    fn nearest(&self, key: &str, problem: Problem) -> Problem {
        let near = self.names.iter().map(|name| (strsim::damerau_levenshtein(key, name), name)).min();
        if let Some((distance, name)) = near {
            // A third of the letters wrong is still a slip of the fingers; more is another word.
            if distance <= (name.len() / 3).max(1) {
                return problem.hint(format!("did you mean `{name}`?"));
            }
        }
        let elsewhere =
            FileKind::ALL.into_iter().find(|kind| *kind != self.file && kind.option(key).is_some());
        match elsewhere {
            Some(kind) => problem.hint(format!("`{key}` belongs to {}", kind.name())),
            None => problem,
        }
    }

    pub(crate) fn problem(
        &self,
        line: &Line,
        span: Range<usize>,
        option: Option<&str>,
        text: String,
    ) -> Problem {
        Problem {
            file: self.file.name().to_owned(),
            line: line.number,
            span,
            option: option.map(str::to_owned),
            severity: Severity::Error,
            text,
            hint: None,
            source: Some(line.source.clone()),
        }
    }
}

/// The option that an old name's value is carried over to.
fn successor(lookup: &dyn Fn(&str) -> Option<&'static Opt>, opt: &'static Opt) -> Option<&'static Opt> {
    match opt.status {
        Status::Retired { successor, carries_over: true } => lookup(successor),
        _ => None,
    }
}

/// What begins the comment by which `conf show` says where the line above it came from.
pub(crate) const MARK: &str = "#: ";

/// Takes over such a comment when the line above it is still what it was.
fn mark(comment: Option<&str>, number: u32, values: &mut Values) {
    let Some(text) = comment.and_then(|comment| comment.strip_prefix(MARK)) else { return };
    let Some(said) = values.said.last_mut().filter(|said| said.line + 1 == number) else { return };
    let pair = format!("{}={}", said.opt.name, said.text);
    if text == "default" {
        if said.text == said.opt.default {
            said.mark = Some(text.to_owned());
        }
    } else if let Some((place, _)) = text.split_once(' ').filter(|(_, rest)| *rest == pair) {
        said.mark = Some(place.to_owned());
    }
}
