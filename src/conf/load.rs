//! From texts to settings and problems; pure, so that launcher and server come to the same result.

use crate::adapters::Adapters;
use crate::ini;
use crate::ip_rules::IpRules;
use crate::ldap::{self, Ldap};
use crate::option::{FileKind, Status};
use crate::problem::{Problem, Severity};
use crate::profiles::Profiles;
use crate::settings::{HealthCheck, SaidByFile, Settings};
use crate::sources::Sources;
use crate::values::{Reader, Said, Values};
use crate::{conflicts, database, other_files};

/// What came of the files.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings; to be used only when [`Loaded::is_usable`].
    pub settings: Settings,
    /// Everything that is wrong or worth knowing, in the order of files and lines.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Whether there is no error. Settings made of a wrong configuration could allow what it meant to forbid.
    pub fn is_usable(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }
}

/// Reads the texts.
pub fn load(sources: &Sources) -> Loaded {
    let mut problems = Vec::new();
    let mut flat = |kind: FileKind| {
        let lines = ini::lines(sources.text(kind).unwrap_or_default());
        let names = kind.options().map(|opt| opt.name).collect();
        let lookup = |name: &str| kind.option(name);
        Reader { file: kind, lookup: &lookup, names }.flat(&lines, &mut problems)
    };
    let said = SaidByFile {
        rserver: flat(FileKind::Rserver),
        rsession: flat(FileKind::Rsession),
        jupyter: flat(FileKind::Jupyter),
        vscode: flat(FileKind::Vscode),
        portcullis: flat(FileKind::Portcullis),
        database: flat(FileKind::Database),
    };
    let profiles = Profiles::parse(sources.text(FileKind::Profiles).unwrap_or_default(), &mut problems);
    let adapters = Adapters::parse(sources.text(FileKind::Adapters).unwrap_or_default(), &mut problems);
    let directories = Ldap::parse(sources.text(FileKind::Ldap).unwrap_or_default(), &mut problems);
    let ip_rules = IpRules::parse(sources.text(FileKind::IpRules).unwrap_or_default(), &mut problems);
    let login_html = sources.text(FileKind::LoginHtml).map(str::to_owned);

    for values in FileKind::FLAT.into_iter().filter_map(|kind| said.of(kind)) {
        without_effect(values, &mut problems);
    }
    for section in &profiles.sections {
        without_effect(&section.values, &mut problems);
    }
    if login_html.as_deref().is_some_and(|html| html.contains('\u{fffd}')) {
        let file = FileKind::LoginHtml.name();
        problems.push(Problem::of_file(file, Severity::Warning, "it has bytes that are not UTF-8"));
    }
    let health_check = sources.health_check().map(|file| {
        let name = file.name.clone();
        if !is_plain(&name) {
            let text = "its name is its address, and has other characters than letters, digits, `-`, `_` and `.`: it is not answered";
            problems.push(Problem::of_file(&name, Severity::Warning, text));
        }
        HealthCheck { name, text: file.text.clone() }
    });
    let settings = Settings::build(said, profiles, adapters, directories, ip_rules, login_html, health_check);
    conflicts::check(&settings, &mut problems);
    ldap::check(&settings, &mut problems);
    other_files::check(&sources.others, &mut problems);
    database::check(&settings, sources, &mut problems);

    let place = |file: &str| FileKind::ALL.iter().position(|kind| kind.name() == file).unwrap_or(usize::MAX);
    problems.sort_by_key(|problem| (place(&problem.file), problem.line, problem.span.start));
    Loaded { settings, problems }
}

/// Whether a file's name can stand in an address as it is.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Options that are given and do nothing, or have another name now.
fn without_effect(values: &Values, problems: &mut Vec<Problem>) {
    for said in &values.said {
        if let Some(problem) = unheeded(said) {
            problems.push(problem);
        }
        if let Some(problem) = renamed(said) {
            problems.push(problem);
        }
    }
}

fn unheeded(said: &Said) -> Option<Problem> {
    let Status::Recognised { effect, severity } = said.opt.status else { return None };
    if said.opt.is_default(&said.text) {
        return None;
    }
    Some(said.problem(severity, format!("it is known but not implemented: {effect}")))
}

fn renamed(said: &Said) -> Option<Problem> {
    let written: String = said.source.chars().skip(said.key.start).take(said.key.len()).collect();
    let mut problem = match said.opt.status {
        Status::Retired { successor, .. } => said
            .problem(Severity::Warning, "this option is gone and has no effect")
            .hint(if successor.is_empty() { "remove the line".into() } else { format!("use `{successor}`") }),
        _ if written != said.opt.name => said
            .problem(Severity::Warning, format!("`{written}` is an old name, its value is used"))
            .hint(format!("write `{}`", said.opt.name)),
        _ => return None,
    };
    problem.option = Some(written);
    problem.span = said.key.clone();
    Some(problem)
}
