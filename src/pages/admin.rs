//! Pages for administrators: how the machine is, everybody's sessions and sign-ins, the audit log.
//!
//! They show what the launcher and the server told; who may see them is decided there. Each works without a script: pages that show
//! what changes renew themselves by `<meta refresh>`, which a link stops.

mod audit;
mod end;
mod overview;
mod people;
mod plot;
mod sessions;
mod users;

use std::fmt;

pub use audit::{AuditPage, AuditRow, SearchWords};
pub use end::{EndPersonPage, EndSessionPage};
pub use overview::{Fact, OverviewPage};
pub use people::{PeoplePage, PersonRow, SignInRow};
pub use plot::{Plot, Scale};
pub use sessions::{AdminSessionsPage, SessionRow};
pub use users::{UserRow, UsersPage};

/// Seconds after which a page renews itself.
pub const RENEW_SECONDS: u32 = 15;

/// One of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// How the machine is.
    Overview,
    /// Sessions.
    Sessions,
    /// People and their sign-ins.
    People,
    /// Accounts.
    Users,
    /// The audit log.
    Audit,
}

impl Tab {
    const ALL: [Self; 5] = [Self::Overview, Self::Sessions, Self::People, Self::Users, Self::Audit];

    /// Its address below the root path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/admin",
            Self::Sessions => "/admin/sessions",
            Self::People => "/admin/people",
            Self::Users => "/admin/users",
            Self::Audit => "/admin/audit",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Sessions => "Sessions",
            Self::People => "People",
            Self::Users => "Accounts",
            Self::Audit => "Audit log",
        }
    }
}

/// What the pages have in common.
#[derive(Debug, Clone, Copy)]
pub struct AdminFrame<'a> {
    /// Which page.
    pub tab: Tab,
    /// Whether it renews itself.
    pub live: bool,
    /// Whether whoever looks may act.
    pub acts: bool,
    /// What was done or refused just now.
    pub said: Option<&'a str>,
    /// Seconds since 1970.
    pub now: u64,
}

impl AdminFrame<'_> {
    fn tabs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let this = self.tab;
        Tab::ALL.into_iter().map(move |tab| (tab.path(), tab.title(), tab == this))
    }

    fn title(&self) -> &'static str {
        self.tab.title()
    }

    fn clock(&self) -> String {
        crate::when::clock(self.now)
    }
}

/// Bytes as people read them.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
        let (mut rest, mut tenths, mut unit) = (self.0, 0, 0);
        while rest >= 1000 && unit + 1 < units.len() {
            (tenths, rest, unit) = (rest % 1000 / 100, rest / 1000, unit + 1);
        }
        if unit > 0 && rest < 10 {
            write!(f, "{rest}.{tenths} {}", units[unit])
        } else {
            write!(f, "{rest} {}", units[unit])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1500, "1.5 kB"),
            (12_345_678, "12 MB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
