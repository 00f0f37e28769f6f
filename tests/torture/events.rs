//! What happens to the daemon and to people, and in which order: a pure function of the seed.

use serde::Serialize;

use crate::random::Random;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The configuration is changed and read again.
    Reload,
    /// SIGTERM, then another launcher.
    Restart,
    /// The same, and the other launcher is another copy of the programs.
    Upgrade,
    /// `kill -9` of the launcher, then another one.
    KillLauncher,
    /// `kill -9` of the server that serves.
    KillServer,
    /// `kill -9` of both, then another launcher.
    KillBoth,
    /// `kill -9` of a process of a session: keeper, session process or IDE.
    KillSession,
    /// Somebody signs out.
    SignOut,
    /// `portcullis revoke`.
    Revoke,
    /// `portcullis users lock`, and unlocked again.
    Lock,
    /// `kill -9` of the process that keeps accounts.
    KillStore,
    /// A session is ended by its owner or by an administrator.
    EndSession,
}

/// Kinds with how often one comes, of 100.
const TABLE: &[(Kind, usize, &str)] = &[
    (Kind::Reload, 10, "reload"),
    (Kind::Restart, 14, "restart"),
    (Kind::Upgrade, 10, "upgrade"),
    (Kind::KillLauncher, 12, "kill -9 of the launcher"),
    (Kind::KillServer, 10, "kill -9 of the server"),
    (Kind::KillBoth, 8, "kill -9 of both"),
    (Kind::KillSession, 8, "kill -9 in a session"),
    (Kind::SignOut, 6, "sign-out"),
    (Kind::Revoke, 6, "portcullis revoke"),
    (Kind::Lock, 4, "portcullis users lock"),
    (Kind::KillStore, 4, "kill -9 of the store"),
    (Kind::EndSession, 8, "end of a session"),
];

/// What may follow an act of a person at once, before anything has settled.
const AT_ONCE: &[Kind] = &[Kind::KillLauncher, Kind::KillServer, Kind::KillBoth];

impl Kind {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(kind, _, _)| *kind)
    }

    /// For tables.
    pub(crate) fn name(self) -> &'static str {
        TABLE.iter().find(|(kind, _, _)| *kind == self).map_or("?", |(_, _, name)| name)
    }

    /// Whether the server that serves dies with all that hangs on it.
    pub(crate) const fn takes_the_server(self) -> bool {
        matches!(self, Self::KillServer | Self::KillBoth)
    }

    /// Whether another server serves afterwards.
    pub(crate) const fn brings_a_server(self) -> bool {
        matches!(self, Self::Restart | Self::Upgrade | Self::KillLauncher | Self::KillServer | Self::KillBoth)
    }

    /// Whether it is an act on one person, and not on the daemon.
    pub(crate) const fn is_of_a_person(self) -> bool {
        matches!(self, Self::KillSession | Self::SignOut | Self::Revoke | Self::Lock | Self::EndSession)
    }
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// What happens.
    pub(crate) kind: Kind,
    /// What is killed as soon as it was acknowledged.
    pub(crate) then: Option<Kind>,
    /// Chooses among people, processes and ways.
    pub(crate) lot: usize,
}

/// Who is to blame for what breaks off meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Blame {
    /// A reload, restart or upgrade: nothing may break off.
    InOrder,
    /// The launcher was killed: its server serves on, so nothing may break off either.
    Launcher,
    /// The server was killed: what hung on it is gone.
    Server,
    /// Something was done to somebody else, or nothing happened at all.
    Nothing,
}

impl Blame {
    /// For tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::InOrder => "reload, restart, upgrade",
            Self::Launcher => "kill -9 of the launcher alone",
            Self::Server => "kill -9 of the server",
            Self::Nothing => "acts on others, and calm",
        }
    }
}

impl Event {
    /// Both of its parts.
    pub(crate) fn kinds(self) -> impl Iterator<Item = Kind> {
        std::iter::once(self.kind).chain(self.then)
    }

    /// Who is to blame for what breaks off.
    pub(crate) fn blame(self) -> Blame {
        if self.kinds().any(Kind::takes_the_server) {
            Blame::Server
        } else if self.kinds().any(|kind| kind == Kind::KillLauncher) {
            Blame::Launcher
        } else if self.kind.is_of_a_person() {
            Blame::Nothing
        } else {
            Blame::InOrder
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind.name())?;
        self.then.map_or(Ok(()), |then| write!(f, ", then at once {}", then.name()))
    }
}

/// The series of a seed, without end.
pub(crate) fn series(seed: u64) -> impl Iterator<Item = Event> {
    let mut random = Random::new(seed);
    std::iter::repeat_with(move || draw(&mut random))
}

fn draw(random: &mut Random) -> Event {
    let mut at = random.below(TABLE.iter().map(|(_, weight, _)| weight).sum());
    let kind = TABLE.iter().find(|(_, weight, _)| {
        let found = at < *weight;
        at = at.saturating_sub(*weight);
        found
    });
    let kind = kind.map_or(Kind::Restart, |(kind, _, _)| *kind);
    let (follow, which, lot) = (random.below(2) == 1, random.below(AT_ONCE.len()), random.below(1 << 20));
    Event { kind, then: (follow && kind.is_of_a_person()).then(|| AT_ONCE[which]), lot }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_one_series_and_a_long_one_has_every_kind() {
        let first = |seed| series(seed).take(40).collect::<Vec<Event>>();
        assert_eq!(first(25), first(25));
        assert_ne!(first(25), first(8));
        // The short campaign of the tests has this one.
        for kind in Kind::all() {
            let often = first(25).iter().filter(|event| event.kind == kind).count();
            assert!(often > 1, "{kind:?}: {often}");
        }
        assert_eq!(TABLE.iter().map(|(_, weight, _)| weight).sum::<usize>(), 100);
    }

    #[test]
    fn a_killed_server_is_to_blame_whatever_came_before() {
        let event = |kind, then| Event { kind, then, lot: 0 };
        assert_eq!(event(Kind::SignOut, Some(Kind::KillBoth)).blame(), Blame::Server);
        assert_eq!(event(Kind::SignOut, Some(Kind::KillLauncher)).blame(), Blame::Launcher);
        assert_eq!(event(Kind::SignOut, None).blame(), Blame::Nothing);
        assert_eq!(event(Kind::Upgrade, None).blame(), Blame::InOrder);
        assert_eq!(event(Kind::KillServer, None).blame(), Blame::Server);
    }
}
