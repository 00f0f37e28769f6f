//! The decision on a call of the management socket.
//!
//! Saving and uploading are one call, opening and downloading nearly: what tells them apart is how the editor asks. The numbers
//! here, and what they leave open, stand in the flags' own words ([`crate::flag`]) and in the reference. Called by
//! [`socket`](super::socket).

use portcullis_model::session::Ide;

use super::command::{Act, Look};
use super::facts::Facts;
use super::known::Known;
use super::place::Place;
use crate::flags::Denial;
use crate::{Capability, Direction, Flags, PathClaim, Refusal};

/// Longest text that counts as edited by a person: editors in browsers give up before.
pub(crate) const TEXT_MAX: u64 = 8 << 20;
/// Longest text of a file that this tab didn't open: what a person types into a new one.
pub(crate) const NEW_MAX: u64 = 256 << 10;

/// What tells one tab's calls apart, besides the calls themselves.
#[derive(Debug)]
pub(super) struct Judge {
    /// The person's home.
    pub(super) home: String,
    /// What this tab has opened.
    pub(super) known: Known,
}

/// A file that a call moves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Moves {
    /// Which way.
    pub(super) direction: Direction,
    /// Which file.
    pub(super) path: String,
    /// Its bytes, and where in the call they begin; of a file that goes out, the answer says it.
    pub(super) bytes: usize,
    /// See above.
    pub(super) begins: usize,
}

impl Judge {
    /// The paths that must be resolved first, or why the call is refused.
    pub(super) fn decide(&self, flags: &Flags, facts: &Facts<'_>) -> Result<Vec<PathClaim>, Box<Refusal>> {
        let Some(command) = facts.command else {
            return match flags.denies_in(Ide::CodeServer, Capability::Unknown) {
                Some(denial) => Err(unknown(facts, &denial).into()),
                None => Ok(Vec::new()),
            };
        };
        for capability in command.needs {
            if let Some(denial) = flags.denies_in(Ide::CodeServer, *capability) {
                return Err(Box::new(match capability {
                    Capability::Unknown => unknown(facts, &denial),
                    Capability::PortProxy => Refusal::port_proxy(&denial),
                    other => Refusal::by_flag(*other, &denial),
                }));
            }
        }
        if let Some(denial) = flags.directories_denial().filter(|_| command.look == Look::HiddenPaths) {
            let why = "this request names files where they can't be checked";
            return Err(Refusal::by_flag_because(command.capability(), &denial, why).into());
        }
        if let (Some(why), Some(denial)) = (facts.unreadable, flags.restriction_in(Ide::CodeServer)) {
            return Err(Refusal::by_flag_because(command.capability(), &denial, why).into());
        }
        let denial = files(flags);
        if let (Some(Err(why)), Some(denial)) = (facts.places.iter().find(|place| place.is_err()), denial) {
            let why = format!("the address of a file can't be checked: {why}");
            return Err(Refusal::by_flag_because(command.capability(), &denial, &why).into());
        }
        self.contents(flags, facts, command.look)?;
        if !flags.restrict_directories.value {
            return Ok(Vec::new());
        }
        let places = facts.places.iter().flatten();
        Ok(places.filter(|place| !place.is_installed()).map(Place::claim).collect())
    }

    fn contents(&self, flags: &Flags, facts: &Facts<'_>, look: Look) -> Result<(), Box<Refusal>> {
        let place = facts.places.iter().flatten().next();
        match look {
            Look::ReadWhole if self.fetches(facts) => download(flags),
            Look::Open if !facts.option("create") && place.is_some_and(|place| !self.is_own(place)) => {
                download(flags)
            }
            Look::Open if facts.option("create") => {
                let Some(denial) = flags.denies(Capability::Upload) else { return Ok(()) };
                if place.is_some_and(|place| self.known.has(place) || self.is_own(place)) {
                    return Ok(());
                }
                let why = "a file that is not open in the editor is written piece by piece";
                Err(Refusal::by_flag_because(Capability::Upload, &denial, why).into())
            }
            Look::WriteWhole | Look::WritePiece => {
                let opened = place.is_none_or(|place| self.known.has(place) || self.is_own(place));
                written(flags, facts, opened)
            }
            _ => Ok(()),
        }
    }

    fn is_own(&self, place: &Place) -> bool {
        place.is_own(&self.home) || place.is_settings()
    }

    /// Whether a file is read as only settings and downloads are, and isn't the first.
    fn fetches(&self, facts: &Facts<'_>) -> bool {
        !facts.option("atomic") && facts.places.iter().flatten().any(|place| !self.is_own(place))
    }

    /// Whether the call is a person's act.
    pub(super) fn is_act(&self, facts: &Facts<'_>) -> bool {
        match facts.command.map(|command| command.act) {
            Some(Act::Always) => true,
            Some(Act::OutsideData) => !facts.places.iter().flatten().any(|place| place.is_own(&self.home)),
            Some(Act::Never) | None => false,
        }
    }

    /// What a call that goes on does: which file it moves; what it opens is known from now on.
    pub(super) fn passed(&mut self, facts: &Facts<'_>) -> Option<Moves> {
        let command = facts.command?;
        let place = facts.places.first()?.as_ref().ok()?;
        match command.look {
            Look::ReadStream => {
                self.known.add(place);
                None
            }
            Look::ReadWhole => {
                let moves = self.fetches(facts);
                moves.then(|| Moves {
                    direction: Direction::Download,
                    path: place.shown(),
                    bytes: 0,
                    begins: 0,
                })
            }
            Look::WriteWhole => {
                let saved = facts.bytes == 0 || self.known.has(place) || self.is_own(place);
                self.known.add(place);
                (!saved).then(|| Moves {
                    direction: Direction::Upload,
                    path: place.shown(),
                    bytes: usize::try_from(facts.bytes).unwrap_or(usize::MAX),
                    begins: facts.begins,
                })
            }
            _ => None,
        }
    }
}

/// The first flag that is about files.
fn files(flags: &Flags) -> Option<Denial<'_>> {
    flags
        .denies(Capability::Upload)
        .or_else(|| flags.denies(Capability::Download))
        .or_else(|| flags.directories_denial())
        .or_else(|| flags.size_denial())
}

fn download(flags: &Flags) -> Result<(), Box<Refusal>> {
    match flags.denies(Capability::Download) {
        Some(denial) => Err(Refusal::by_flag(Capability::Download, &denial).into()),
        None => Ok(()),
    }
}

fn written(flags: &Flags, facts: &Facts<'_>, opened: bool) -> Result<(), Box<Refusal>> {
    let size = facts.position.saturating_add(facts.bytes);
    if let Some(denial) = flags.denies(Capability::Upload) {
        let refuse = |why: &str| Err(Refusal::by_flag_because(Capability::Upload, &denial, why).into());
        if !facts.is_text() {
            return refuse("what is not text can't be told from an upload");
        }
        if !opened && size > NEW_MAX {
            return refuse(&format!(
                "a file of more than {} KiB that is not open in the editor can't be told from an upload",
                NEW_MAX >> 10
            ));
        }
        if size > TEXT_MAX {
            return refuse(&format!("text of more than {} MiB can't be told from an upload", TEXT_MAX >> 20));
        }
    }
    match flags.size_denial().zip(flags.upload_limit()) {
        Some((denial, limit)) if size > if opened { limit.max(TEXT_MAX) } else { limit } => {
            Err(Refusal::too_large(&denial).into())
        }
        _ => Ok(()),
    }
}

/// No row covers it, and a flag is restrictive.
fn unknown(facts: &Facts<'_>, denial: &Denial<'_>) -> Refusal {
    let what = facts.what();
    let shown = what.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).take(200);
    Refusal::unknown_message(&shown.collect::<String>(), denial)
}
