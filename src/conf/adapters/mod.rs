//! `adapters.conf`: an administrator's routes for the IDEs, and declared applications.
//!
//! Sections `[jupyter]`, `[rstudio]` and `[code-server]` hold `route` lines; `[app NAME]` declares an application with all that
//! is needed to start it. What a route's capability means is the policy's business; here its words are checked.

mod check;
mod command;
mod pattern;
pub(crate) mod reference;
mod route;

use portcullis_model::AppName;
use portcullis_model::session::Ide;

use crate::ini::{self, Item, Line};
use crate::option::{FileKind, Opt};
pub use crate::options::adapters::App;
use crate::problem::Problem;
use crate::values::{Reader, Values};

pub use check::TCP_REFUSED;
pub use command::{
    Command, EnvironmentLine, Listen, ListenWord, People, Prefix, PrefixWord, ProbePath, Title, WorkingDir,
    fill,
};
pub use route::{CAPABILITIES, Route, RouteLine, Tail, Way};

/// One section.
#[derive(Debug, Clone)]
pub struct Section {
    /// What it is about: a built-in IDE, or an application by its name.
    pub subject: Ide,
    /// Its line, from 1.
    pub line: u32,
    pub(crate) source: String,
    pub(crate) values: Values,
}

impl Section {
    /// Its routes in their order, each with its line.
    pub fn routes(&self) -> impl Iterator<Item = (u32, Route)> + '_ {
        // Each text was checked by the same parser before it came here.
        self.values.all("route").filter_map(|said| Some((said.line, route::parse(&said.text).ok()?)))
    }

    /// The application's name, when it is about one.
    pub fn name(&self) -> Option<AppName> {
        match self.subject {
            Ide::App(name) => Some(name),
            Ide::Jupyter | Ide::Rstudio | Ide::CodeServer => None,
        }
    }

    /// What is said of an application; of an IDE nothing but its routes is.
    pub fn app(&self) -> Option<App> {
        self.name().map(|_| App::build(&self.values))
    }

    /// Line of an option, or of the section where nobody said it.
    pub fn line_of(&self, option: &str) -> u32 {
        self.values.find(option).map_or(self.line, |said| said.line)
    }
}

impl std::fmt::Display for Section {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.subject {
            Ide::App(name) => write!(f, "app {name}"),
            ide => f.write_str(ide.word()),
        }
    }
}

/// The file.
#[derive(Debug, Clone, Default)]
pub struct Adapters {
    /// Its sections in order.
    pub sections: Vec<Section>,
}

/// The only option of a built-in IDE's section.
const ROUTE: &str = "route";

fn of_app(name: &str) -> Option<&'static Opt> {
    FileKind::Adapters.option(name)
}

fn of_ide(name: &str) -> Option<&'static Opt> {
    of_app(name).filter(|opt| opt.name == ROUTE)
}

impl Adapters {
    pub(crate) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let app_names = FileKind::Adapters.options().map(|opt| opt.name).collect();
        let app = Reader { file: FileKind::Adapters, lookup: &of_app, names: app_names };
        let ide = Reader { file: FileKind::Adapters, lookup: &of_ide, names: vec![ROUTE] };
        let mut sections: Vec<Section> = Vec::new();
        // Lines below a section that is wrong belong to nobody, and are checked all the same.
        let mut nobody = Values::default();
        let (mut orphaned, mut begun) = (false, false);
        let mut flawed = Vec::new();
        for line in ini::lines(text) {
            begun |= matches!(line.item, Item::Section { .. });
            match &line.item {
                Item::Section { name } => match subject(name, &sections) {
                    Ok(subject) => {
                        orphaned = false;
                        let (source, values) = (line.source.clone(), Values::default());
                        sections.push(Section { subject, line: line.number, source, values });
                    }
                    Err((why, hint)) => {
                        orphaned = true;
                        nobody = Values::default();
                        problems.push(app.problem(&line, line.key.clone(), None, why).hint(hint));
                    }
                },
                Item::Pair { key, .. } if !begun => problems.push(before_sections(&app, &line, key)),
                _ => match sections.last_mut() {
                    Some(section) if !orphaned => {
                        let reader = if section.name().is_some() { &app } else { &ide };
                        let before = problems.len();
                        reader.line(&line, &mut section.values, problems);
                        if problems.len() > before {
                            flawed.push(section.line);
                        }
                    }
                    _ => app.line(&line, &mut nobody, problems),
                },
            }
        }
        for section in &sections {
            check::unreached(section, problems);
            // What is missing may stand in a line that is wrong.
            if !flawed.contains(&section.line) {
                check::app(section, problems);
            }
        }
        Self { sections }
    }

    /// The section about an IDE or application.
    pub fn of(&self, subject: Ide) -> Option<&Section> {
        self.sections.iter().find(|section| section.subject == subject)
    }

    /// The declared applications in their order.
    pub fn apps(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(|section| section.name().is_some())
    }
}

fn before_sections(reader: &Reader<'_>, line: &Line, key: &str) -> Problem {
    let text = "it stands before the first section, so it is about nothing".to_owned();
    reader.problem(line, line.key.clone(), Some(key), text).hint(FORM)
}

const FORM: &str = "write `[jupyter]`, `[rstudio]`, `[code-server]` or `[app NAME]` above it";

/// What a section's name means, or what is wrong with it and what to do.
fn subject(name: &str, before: &[Section]) -> Result<Ide, (String, String)> {
    let subject = match name.split_once(char::is_whitespace).unwrap_or((name, "")) {
        ("app", word) => {
            let word = word.trim();
            let named: Result<AppName, _> = word.parse();
            let named = named.map_err(|why| {
                let hint = "write `[app NAME]`: lower-case letters, digits and `-`, beginning with a letter";
                (format!("`{word}` can't be the name of an application: {why}"), hint.to_owned())
            })?;
            Ide::App(named)
        }
        _ => {
            let known = Ide::BUILT_IN.into_iter().find(|ide| ide.word() == name);
            known.ok_or_else(|| {
                let near = route::nearest(name, Ide::BUILT_IN.iter().map(Ide::word));
                let hint = near.map_or_else(
                    || "write `[jupyter]`, `[rstudio]`, `[code-server]` or `[app NAME]`".to_owned(),
                    |near| format!("did you mean `[{near}]`?"),
                );
                (format!("there is no section `[{name}]` in this file"), hint)
            })?
        }
    };
    match before.iter().find(|section| section.subject == subject) {
        Some(first) => Err((
            format!("`[{name}]` is given twice, in line {} and here", first.line),
            "put everything into one section".to_owned(),
        )),
        None => Ok(subject),
    }
}

#[cfg(test)]
mod tests;
