//! How strongly a flag holds in an IDE on a machine, with the reason: one answer for each flag and IDE.
//!
//! It follows from the flag's own entry in [`flag`](crate::flag): whether it is about the IDE, whether requests are refused for
//! it, whether the IDE has a switch; and from what the kernel holds of it ([`Held`]), which follows from the same conditions as
//! the plan of a session. There is no second table. Called by the home page, at the start of a session where a minimum is
//! demanded, and by `portcullis doctor` and `explain`.

use portcullis_model::session::Ide;
use portcullis_model::{Effect, Level};

pub use portcullis_model::host::HostFacts;

use crate::Flags;
use crate::flag::About;
use crate::sandbox::Held;

/// How strongly a flag holds when it restricts, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelReason {
    /// How strongly.
    pub level: Level,
    /// Whether the flag is about this IDE at all. Where it is not, nothing is left open: there is nothing to forbid.
    pub applies: bool,
    /// Why, in one sentence without its full stop.
    pub reason: String,
    /// What would make it hold more strongly; empty where nothing needs to.
    pub raise: String,
}

/// How strongly a flag holds in an IDE where it restricts and its effect is `block`. Total over all flags and IDEs.
pub fn level(ide: Ide, about: &About, held: &Held) -> LevelReason {
    if !about.concerns.includes(ide) {
        let reason = format!("{} has nothing of the kind: the flag is about RStudio alone", ide.title());
        return LevelReason { level: Level::None, applies: false, reason, raise: String::new() };
    }
    let switch = about.switch(ide);
    let (level, reason) = match (about.unheld, switch) {
        (Some(why), Some(switch)) => {
            (Level::Ide, format!("the IDE's own switch is set ({switch}), and no more: {why}"))
        }
        (Some(why), None) => (Level::None, why.to_owned()),
        (None, Some(switch)) => {
            (Level::Proxy, format!("{AT_THE_PROXY}; the IDE's own switch is set too ({switch})"))
        }
        (None, None) => (Level::Proxy, AT_THE_PROXY.to_owned()),
    };
    match held.flag(about) {
        Some(Ok(how)) => LevelReason {
            level: Level::Kernel,
            applies: true,
            reason: format!("{how}; and {reason}"),
            raise: String::new(),
        },
        Some(Err(short)) => {
            let reason = format!("{reason}; not in the kernel: {}", short.why);
            LevelReason { level, applies: true, reason, raise: short.raise.clone() }
        }
        None => LevelReason { level, applies: true, reason, raise: raise(about).to_owned() },
    }
}

const AT_THE_PROXY: &str =
    "no request or message that does it passes, nor one that no row of the IDE's table knows";

/// The weakest level of a flag in these IDEs, of those it is about; `None` where it is about none of them.
pub fn weakest(ides: impl IntoIterator<Item = Ide>, about: &About, held: &Held) -> Option<Level> {
    let levels = ides.into_iter().map(|ide| level(ide, about, held)).filter(|found| found.applies);
    levels.map(|found| found.level).min()
}

/// A flag that holds too weakly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weak {
    /// Which.
    pub flag: &'static str,
    /// What is demanded.
    pub wanted: Level,
    /// What holds.
    pub got: Level,
    /// Why no more.
    pub reason: String,
}

/// The first flag that restricts a person and holds less strongly in this IDE than demanded (`minimum-level`).
pub fn too_weak(ide: Ide, flags: &Flags, demanded: &[(String, Level)], held: &Held) -> Option<Weak> {
    if demanded.is_empty() {
        return None;
    }
    let mut restricting = flags.summary(held).into_iter().filter(|line| line.restricts);
    restricting.find_map(|line| {
        let (_, wanted) = demanded.iter().find(|(flag, _)| flag == line.flag)?;
        let found = level(ide, About::named(line.flag)?, held);
        let (got, reason) = match line.effect {
            Effect::Block => (found.level, found.reason),
            Effect::Audit => {
                (Level::None, "its effect is `audit`: what it forbids is only recorded".to_owned())
            }
        };
        // A flag about what this IDE hasn't got leaves nothing open.
        let enough = !found.applies || got >= *wanted;
        (!enough).then_some(Weak { flag: line.flag, wanted: *wanted, got, reason })
    })
}

/// What would make a flag hold more strongly that no layer of the kernel's is about.
fn raise(about: &About) -> &'static str {
    match about.name {
        "limit-cpu-time-minutes" => {
            "`max-processor-percent` in profiles, which the kernel holds, or PAM's limit `cpu`"
        }
        "allow-over-limit-sessions" => {
            "`max-memory-mb` in profiles, which the kernel holds for every session"
        }
        "limit-xfs-disk-quota" => "the file system's quota, which holds whoever writes",
        "limit-file-upload-size-mb" => {
            "the file system's quota: the kernel can't tell an upload from what code writes"
        }
        "allow-vcs" | "allow-vcs-executable-edit" => {
            "`allow-shell=0`, with which no program of version control is there unless `allow-vcs=1`; code can still do what such a \
             program does"
        }
        "allow-remove-public-folder" => "an owner and a mode of the folder that say so",
        // Bringing in, taking out and installing all end at the network when code does them.
        "allow-file-uploads"
        | "allow-file-downloads"
        | "allow-package-installation"
        | "allow-r-cran-repos-edit" => {
            "`session-network`, which the kernel holds: code brings in and takes out what the network lets through"
        }
        _ => "nothing in the kernel tells it from what code may do",
    }
}

#[cfg(test)]
mod tests;
