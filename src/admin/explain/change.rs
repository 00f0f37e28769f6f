//! Which lines would make another decision: each is tried with the function that decides before it is named.

use portcullis_model::UserName;
use portcullis_policy::flag::{self, About};
use portcullis_policy::{Capability, Flags, Origin, Refusal};

use crate::judge::{Decision, Judged};

/// Flags that may stand in one another's way; more than there are is a loop.
const TRIES: usize = 32;

/// The lines that would let a refused request pass, in the order in which they come to matter; empty where none would.
///
/// `again` judges the same request with other flags.
pub(super) fn to_allow(
    user: &UserName,
    flags: &Flags,
    judged: &Judged,
    again: impl Fn(&Flags) -> Judged,
) -> Vec<String> {
    let (mut flags, mut judged) = (flags.clone(), judged.clone());
    let mut lines = Vec::new();
    for _ in 0..TRIES {
        let Some(refusal) = judged.refusal.as_ref().filter(|_| judged.decision == Decision::Refused) else {
            break;
        };
        let Some(about) = refusal.flag.and_then(About::named) else {
            return vec!["no option: it is refused whatever the configuration says".to_owned()];
        };
        if about.name == flag::DIRECTORIES.name {
            lines.extend(listed(&flags, &judged));
        }
        lines.push(line(user, about, refusal));
        if !flags.lift(about.name) {
            break;
        }
        judged = again(&flags);
    }
    if let Some(refusal) = judged.refusal.as_ref().filter(|_| judged.decision == Decision::Refused) {
        lines.push(format!("and even then it would be refused: {}", refusal.rule));
    }
    lines
}

/// Where to write what lifts the flag that refused, for all or for this person alone.
fn line(user: &UserName, about: &About, refusal: &Refusal) -> String {
    let origin = origin(about, refusal).unwrap_or(Origin::Default);
    let route = if refusal.capability == Capability::Unknown {
        "; or a `route=` line in adapters.conf that says what this request takes, once you know it"
    } else {
        ""
    };
    format!("{}{route}", lifted(user, about, &origin))
}

/// Where to write what lifts a flag.
pub(super) fn lifted(user: &UserName, about: &About, origin: &Origin) -> String {
    let lifted = if about.name.starts_with("allow-") { 1 } else { 0 };
    let written = format!("`{}={lifted}`", about.name);
    let place = match origin {
        Origin::At { file, line } => format!("in {file}, line {line}, write {written}"),
        Origin::Default => format!("in rsession.conf write {written}"),
    };
    let while_short =
        format!("for some hours, as root: `portcullis exempt {user} {} --for 2h --reason …`", about.name);
    format!(
        "{place}; for {user} alone, at the end of profiles: `[{user}]`, and below it {written}; {while_short}"
    )
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
pub(super) fn to_refuse(capabilities: &[Capability], has_path: bool) -> Vec<String> {
    let takes = |about: &&&About| about.takes.iter().any(|capability| capabilities.contains(capability));
    let mut lines: Vec<String> = flag::ALL
        .iter()
        .filter(takes)
        .map(|about| format!("in rsession.conf write `{}=0`", about.name))
        .collect();
    if has_path {
        lines.push("with `restrict-directory-view=1` in rsession.conf, files outside of the home".to_owned());
    }
    lines
}
