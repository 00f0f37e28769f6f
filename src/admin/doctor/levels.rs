//! Flag × IDE × level with the reason, and where a demanded level isn't reached.

use portcullis_conf::{FileKind, Settings};
use portcullis_model::UserName;
use portcullis_model::session::Ide;
use portcullis_model::{Effect, Level};
use portcullis_policy::flag::{self, About};
use portcullis_policy::levels::{HostFacts, level};
use portcullis_policy::sandbox::Held;
use portcullis_policy::{Flags, Origin};
use serde::Serialize;

use crate::check::{Check, Outcome};

/// A flag in one IDE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Cell {
    pub ide: String,
    /// Whether the flag is about this IDE.
    pub applies: bool,
    pub level: &'static str,
    pub reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stronger: String,
}

/// A flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub flag: &'static str,
    /// What holds for whoever no section of `profiles` names; `None` where there is no configuration to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    pub restricts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<&'static str>,
    pub remains: &'static str,
    pub ides: Vec<Cell>,
}

/// All flags in all these IDEs.
pub(super) fn lines(settings: Option<&Settings>, ides: &[Ide], host: &HostFacts) -> Vec<Line> {
    let held = settings.map_or_else(Held::default, |settings| held(settings, host));
    let summary = settings.map(|settings| everybody(settings).summary(&held)).unwrap_or_default();
    flag::ALL
        .into_iter()
        .map(|about| {
            let said = summary.iter().find(|line| line.flag == about.name);
            Line {
                flag: about.name,
                value: said.map(|line| line.value.clone()),
                origin: said.map(|line| line.origin.clone()),
                restricts: said.is_some_and(|line| line.restricts),
                effect: said.filter(|line| line.restricts).map(|line| line.effect.word()),
                remains: about.remains,
                ides: ides.iter().map(|ide| cell(*ide, about, &held)).collect(),
            }
        })
        .collect()
}

/// Whoever is in no group and has no section of their own.
fn nobody() -> UserName {
    "-".parse().or_else(|_| "somebody".parse()).expect("one is a name")
}

/// The flags of such a person.
fn everybody(settings: &Settings) -> Flags {
    Flags::resolve(settings, &nobody(), &[])
}

/// What this machine's kernel holds of them.
pub(super) fn held(settings: &Settings, host: &HostFacts) -> Held {
    Held::of(settings, &everybody(settings), &nobody(), &[], host)
}

fn cell(ide: Ide, about: &About, held: &Held) -> Cell {
    let found = level(ide, about, held);
    Cell {
        ide: ide.word().to_owned(),
        applies: found.applies,
        level: found.level.word(),
        reason: found.reason,
        stronger: found.raise,
    }
}

/// Where a demanded level isn't reached: whoever such a flag restricts gets no session of that IDE.
pub(super) fn minimums(settings: &Settings, ides: &[Ide], host: &HostFacts) -> Vec<Check> {
    let origin = settings.origin(FileKind::Portcullis, "minimum-level");
    let demanded = &settings.portcullis.minimum_level;
    let held = held(settings, host);
    let lines = everybody(settings).summary(&held);
    let mut checks = Vec::new();
    for (name, wanted) in demanded {
        let Some(about) = About::named(name) else { continue };
        let recorded =
            lines.iter().any(|line| line.flag == name && line.restricts && line.effect == Effect::Audit);
        for ide in ides {
            let found = level(*ide, about, &held);
            let got = if recorded { Level::None } else { found.level };
            if !found.applies || got >= *wanted {
                continue;
            }
            let why = if recorded { "its effect is `audit`" } else { found.reason.as_str() };
            let text = format!(
                "`{name}` holds at `{}` in {}, and `{}` is demanded ({origin}): whoever it restricts gets no session there. \
                 Why: {why}",
                got.word(),
                ide.title(),
                wanted.word()
            );
            let hint = format!(
                "demand less in `minimum-level`, or switch {} off; to hold more: {}",
                ide.title(),
                found.raise
            );
            checks.push(Check::new(Outcome::Fail, "minimum-level", text).hint(hint));
        }
    }
    if checks.is_empty() && !demanded.is_empty() {
        let text = format!("every level that is demanded ({origin}) is reached");
        checks.push(Check::new(Outcome::Pass, "minimum-level", text));
    }
    checks
}
