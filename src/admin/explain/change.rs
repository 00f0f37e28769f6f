//! Which lines would make another decision: each is tried with the function that decides before it is named.

use portcullis_model::UserName;
use portcullis_policy::flag::{self, About};
use portcullis_policy::{Capability, Flags, Origin, Refusal};
use serde::Serialize;

use crate::judge::{Decision, Judged};

/// Flags that may stand in one another's way; more than there are is a loop.
const TRIES: usize = 32;

/// What to write for another decision.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// Lines, all of which it takes.
    pub lines: Vec<String>,
    /// What could be done in their place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instead: Vec<String>,
}

impl Change {
    /// Whether there is nothing to say.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Nothing but these lines, any of which is enough.
    pub(super) fn any_of(lines: Vec<String>) -> Self {
        Self { lines, instead: Vec::new() }
    }
}

/// The lines that would let a refused request pass, in the order in which they come to matter; empty where none would.
///
/// `again` judges the same request with other flags.
pub(super) fn to_allow(
    user: &UserName,
    flags: &Flags,
    judged: &Judged,
    again: impl Fn(&Flags) -> Judged,
) -> Change {
    let (mut flags, mut judged) = (flags.clone(), judged.clone());
    let mut lifted: Vec<(&About, Origin)> = Vec::new();
    let mut listing = None;
    let mut unknown = false;
    for _ in 0..TRIES {
        let Some(refusal) = judged.refusal.as_ref().filter(|_| judged.decision == Decision::Refused) else {
            break;
        };
        let Some(about) = refusal.flag.and_then(About::named) else {
            return Change::any_of(vec![
                "no option: it is refused whatever the configuration says".to_owned(),
            ]);
        };
        if about.name == flag::DIRECTORIES.name {
            listing = listed(&flags, &judged);
        }
        unknown |= refusal.capability == Capability::Unknown;
        lifted.push((about, origin(about, refusal).unwrap_or(Origin::Default)));
        if !flags.lift(about.name) {
            break;
        }
        judged = again(&flags);
    }
    let mut change = lift(user, &lifted);
    change.instead.extend(listing);
    if unknown {
        let route = "a `route=` line in adapters.conf that says what this request takes, once you know it";
        change.instead.push(route.to_owned());
    }
    if let Some(refusal) = judged.refusal.as_ref().filter(|_| judged.decision == Decision::Refused) {
        change.lines.push(format!("and even then it would be refused: {}", refusal.rule));
    }
    change
}

/// Where to write what lifts these flags: for all, for this person alone, for some hours.
pub(super) fn lift(user: &UserName, flags: &[(&About, Origin)]) -> Change {
    let written = |about: &About| format!("`{}={}`", about.name, u8::from(about.name.starts_with("allow-")));
    let line = |(about, origin): &(&About, Origin)| match origin {
        Origin::At { file, line } => format!("in {file}, line {line}, write {}", written(about)),
        Origin::Default => format!("in rsession.conf write {}", written(about)),
    };
    let all: Vec<String> = flags.iter().map(|(about, _)| written(about)).collect();
    let exempt = |(about, _): &(&About, Origin)| {
        format!("`portcullis exempt {user} {} --for 2h --reason …`", about.name)
    };
    let exempt: Vec<String> = flags.iter().map(exempt).collect();
    let instead = match flags {
        [] => Vec::new(),
        _ => vec![
            format!("for {user} alone, at the end of profiles: `[{user}]`, and below it {}", all.join(", ")),
            format!("for some hours, as root: {}", exempt.join(", ")),
        ],
    };
    Change { lines: flags.iter().map(line).collect(), instead }
}

/// File and line that the rule names.
fn origin(about: &About, refusal: &Refusal) -> Option<Origin> {
    let rest = refusal.rule.split(&format!("{}=", about.name)).nth(1)?;
    let place = rest.split_once('(')?.1.split_once(')')?.0;
    let (file, line) = place.rsplit_once(':')?;
    Some(Origin::At { file: file.to_owned(), line: line.parse().ok()? })
}

/// The directory that would have to be listed.
fn listed(flags: &Flags, judged: &Judged) -> Option<String> {
    let resolved = judged.led.as_ref()?.resolved.as_deref()?;
    let folder = std::path::Path::new(resolved);
    let folder = if folder.is_dir() { folder } else { folder.parent()? };
    let list = &flags.directories;
    let mut entries = list.value.clone();
    entries.push(folder.to_str()?.to_owned());
    let place = match &list.origin {
        Origin::Default => "in rsession.conf".to_owned(),
        Origin::At { file, line } => format!("in {file}, line {line},"),
    };
    Some(format!("{place} write `directory-view-allow-list={}`", entries.join(":")))
}

/// The lines that would refuse what passes now.
pub(super) fn to_refuse(capabilities: &[Capability], has_path: bool) -> Change {
    let takes = |about: &&&About| about.takes.iter().any(|capability| capabilities.contains(capability));
    let mut lines: Vec<String> = flag::ALL
        .iter()
        .filter(takes)
        .map(|about| format!("in rsession.conf write `{}=0`", about.name))
        .collect();
    if has_path {
        lines.push("with `restrict-directory-view=1` in rsession.conf, files outside of the home".to_owned());
    }
    Change::any_of(lines)
}
