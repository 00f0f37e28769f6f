//! How strongly a flag holds in an IDE on a machine, with the reason: one answer for each flag and IDE.
//!
//! It follows from the flag's own entry in [`flag`](crate::flag): whether it is about the IDE, whether requests are refused for
//! it, whether the IDE has a switch. There is no second table. Called by the home page, at the start of a session where a minimum
//! is demanded, and by `portcullis doctor` and `explain`.

use portcullis_model::session::Ide;
use portcullis_model::{Effect, Level};

use crate::Flags;
use crate::flag::About;

/// What the kernel of a machine could enforce. The default is a machine of which nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Version of Landlock's interface.
    pub landlock: Option<u32>,
    /// 2 for the unified hierarchy of control groups, 1 for the older one, 0 for none.
    pub cgroup: u8,
    /// Controllers of the unified hierarchy that the daemon has.
    pub controllers: Vec<String>,
    /// Whether the kernel's audit system is there.
    pub audit: bool,
    /// Whether accounts other than root may make user namespaces.
    pub user_namespaces: bool,
    /// Whether filters for system calls can be set.
    pub seccomp: bool,
    /// What kind of container this machine is.
    pub container: Option<String>,
}

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
pub fn level(ide: Ide, about: &About, host: &HostFacts) -> LevelReason {
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
    LevelReason { level, applies: true, reason, raise: raise(about, host) }
}

const AT_THE_PROXY: &str =
    "no request or message that does it passes, nor one that no row of the IDE's table knows";

/// The weakest level of a flag in these IDEs, of those it is about; `None` where it is about none of them.
pub fn weakest(ides: impl IntoIterator<Item = Ide>, about: &About, host: &HostFacts) -> Option<Level> {
    let levels = ides.into_iter().map(|ide| level(ide, about, host)).filter(|found| found.applies);
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
pub fn too_weak(ide: Ide, flags: &Flags, demanded: &[(String, Level)], host: &HostFacts) -> Option<Weak> {
    if demanded.is_empty() {
        return None;
    }
    let mut restricting = flags.summary().into_iter().filter(|line| line.restricts);
    restricting.find_map(|line| {
        let (_, wanted) = demanded.iter().find(|(flag, _)| flag == line.flag)?;
        let found = level(ide, About::named(line.flag)?, host);
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

/// What a kernel would have to do for it.
#[derive(Debug, Clone, Copy)]
enum Means {
    /// Rules on files.
    Files,
    /// Rules on programs.
    Programs,
    /// Rules on connections.
    Network,
    /// A controller of control groups.
    Controller(&'static str),
}

fn means(about: &About) -> Means {
    match about.name {
        "restrict-directory-view" | "allow-remove-public-folder" | "limit-xfs-disk-quota" => Means::Files,
        "limit-cpu-time-minutes" => Means::Controller("cpu"),
        "allow-over-limit-sessions" => Means::Controller("memory"),
        "allow-shell" | "allow-vcs" | "allow-vcs-executable-edit" | "allow-terminal-websockets" => {
            Means::Programs
        }
        // Bringing in, taking out, installing and publishing all end at the network when code does them.
        _ => Means::Network,
    }
}

/// Landlock knows TCP ports since this version of its interface (Linux 6.7).
const LANDLOCK_NETWORK: u32 = 4;

fn raise(about: &About, host: &HostFacts) -> String {
    let (needed, there) = match means(about) {
        Means::Files => ("Landlock's rules on files", host.landlock.is_some()),
        Means::Programs => ("Landlock's rules on programs", host.landlock.is_some()),
        Means::Network => {
            let known = host.landlock.is_some_and(|version| version >= LANDLOCK_NETWORK);
            ("rules on a session's connections", known)
        }
        Means::Controller(name) => {
            let there = host.cgroup == 2 && host.controllers.iter().any(|controller| controller == name);
            return format!(
                "the controller `{name}` of cgroup v2, which is {}; this version sets no limit by it",
                if there { "here" } else { "not here" }
            );
        }
    };
    let there = if there { "this kernel could" } else { "this kernel can't, as far as can be seen" };
    format!("{needed}, for code and terminals too: {there}, and this version makes none")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag;

    fn rich() -> HostFacts {
        HostFacts {
            landlock: Some(6),
            cgroup: 2,
            controllers: ["cpu", "memory", "pids"].map(str::to_owned).into(),
            audit: true,
            user_namespaces: true,
            seccomp: true,
            container: None,
        }
    }

    fn ides() -> Vec<Ide> {
        let app = Ide::from_word("shiny").expect("an application");
        Ide::BUILT_IN.into_iter().chain([app]).collect()
    }

    #[test]
    fn every_flag_has_a_level_and_a_reason_in_every_ide() {
        let mut counted = 0;
        for ide in ides() {
            for about in flag::ALL {
                for host in [HostFacts::default(), rich()] {
                    let found = level(ide, about, &host);
                    assert!(!found.reason.is_empty(), "{ide} {}", about.name);
                    assert!(found.applies || found.level == Level::None, "{ide} {}", about.name);
                    assert_eq!(found.applies, !found.raise.is_empty(), "{ide} {}", about.name);
                    assert_ne!(found.level, Level::Kernel, "{ide} {}: nothing enforces it", about.name);
                    counted += 1;
                }
            }
        }
        assert_eq!(counted, ides().len() * flag::ALL.len() * 2);
    }

    #[test]
    fn what_requests_are_refused_for_holds_at_the_proxy_and_nothing_else_does() {
        for ide in ides() {
            for about in flag::ALL.into_iter().filter(|about| about.concerns.includes(ide)) {
                let found = level(ide, about, &rich()).level;
                assert_eq!(found == Level::Proxy, about.unheld.is_none(), "{ide} {}", about.name);
                assert_eq!(found == Level::Ide, about.unheld.is_some() && about.switch(ide).is_some());
            }
        }
    }

    #[test]
    fn the_machine_changes_words_only() {
        for ide in ides() {
            for about in flag::ALL {
                let (bare, rich) = (level(ide, about, &HostFacts::default()), level(ide, about, &rich()));
                assert_eq!((bare.level, bare.reason), (rich.level, rich.reason));
            }
        }
        let words = |host: &HostFacts| level(Ide::Jupyter, &flag::UPLOADS, host).raise;
        assert!(words(&rich()).contains("could") && words(&HostFacts::default()).contains("can't"));
        assert!(words(&HostFacts { landlock: Some(3), ..rich() }).contains("can't"), "no rules on ports yet");
    }

    #[test]
    fn the_weakest_of_several_ides_is_what_can_be_promised() {
        let host = HostFacts::default();
        assert_eq!(weakest(ides(), &flag::SHELL, &host), Some(Level::Proxy));
        assert_eq!(weakest([Ide::Jupyter], &flag::PRESENTATION_COMMANDS, &host), None);
        assert_eq!(weakest(ides(), &flag::OVER_LIMIT, &host), Some(Level::None));
    }
}
