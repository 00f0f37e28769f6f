//! Which of two plans takes more away: whether what is in force in a running session would do under a plan of now.
//!
//! Pure. Limits of memory, processes and the like are left out: they take a share, not a way. Called by the launcher when the groups
//! of somebody change whose session runs, for a running session can't be held tighter than it was started.

use std::path::Path;

use portcullis_model::sandbox::{Calls, Destination, Egress, Network, Programs, Reach, Rules, Sandbox, View};

/// What of a plan is tighter than what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Temporary files, processes and services of others.
    View,
    /// Which programs there are.
    Programs,
    /// Which files can be reached.
    Files,
    /// System calls.
    Calls,
    /// Connections.
    Network,
    /// What set-user-ID programs may.
    Privileges,
}

impl Part {
    /// The option that people know it by.
    pub const fn option(self) -> &'static str {
        match self {
            Self::View | Self::Calls => "session-sandbox",
            Self::Programs => "allow-shell",
            Self::Files => "restrict-directory-view",
            Self::Network => "session-network",
            Self::Privileges => "allow-sudo",
        }
    }
}

/// Whether what is in force is at least as tight as this plan.
///
/// # Errors
/// In what it isn't, in the order of [`Part`].
pub fn at_least(in_force: &Sandbox, wanted: &Sandbox) -> Result<(), Vec<Part>> {
    let parts = [
        (Part::View, view(in_force.view.as_ref(), wanted.view.as_ref())),
        (Part::Programs, programs(in_force.programs.as_ref(), wanted.programs.as_ref())),
        (Part::Files, files(in_force.rules.as_ref(), wanted.rules.as_ref())),
        (Part::Calls, calls(in_force.calls.as_ref(), wanted.calls.as_ref())),
        (Part::Network, network(&in_force.network, &wanted.network)),
        (Part::Privileges, wanted.privileges || !in_force.privileges),
    ];
    let short: Vec<Part> = parts.into_iter().filter(|(_, holds)| !holds).map(|(part, _)| part).collect();
    if short.is_empty() { Ok(()) } else { Err(short) }
}

/// `None` takes nothing away; what is there is compared by `holds`.
fn within<T>(in_force: Option<&T>, wanted: Option<&T>, holds: impl FnOnce(&T, &T) -> bool) -> bool {
    match (in_force, wanted) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(in_force), Some(wanted)) => holds(in_force, wanted),
    }
}

fn view(in_force: Option<&View>, wanted: Option<&View>) -> bool {
    within(in_force, wanted, |in_force, wanted| {
        covered(&wanted.data_only, &in_force.data_only)
            && covered(&wanted.hidden, &in_force.hidden)
            && covered(&in_force.kept, &wanted.kept)
    })
}

fn programs(in_force: Option<&Programs>, wanted: Option<&Programs>) -> bool {
    within(in_force, wanted, |in_force, wanted| {
        covered(&in_force.allowed, &wanted.allowed) && covered(&wanted.folders, &in_force.folders)
    })
}

fn files(in_force: Option<&Rules>, wanted: Option<&Rules>) -> bool {
    within(in_force, wanted, |in_force, wanted| {
        in_force.version >= wanted.version
            && within(in_force.reach.as_ref(), wanted.reach.as_ref(), |in_force: &Reach, wanted| {
                let readable: Vec<String> = wanted.read.iter().chain(&wanted.write).cloned().collect();
                covered(&in_force.read, &readable) && covered(&in_force.write, &wanted.write)
            })
    })
}

fn calls(in_force: Option<&Calls>, wanted: Option<&Calls>) -> bool {
    within(in_force, wanted, |in_force, wanted| {
        in_force.no_truncate >= wanted.no_truncate && in_force.no_memory_programs >= wanted.no_memory_programs
    })
}

fn network(in_force: &Network, wanted: &Network) -> bool {
    match (in_force, wanted) {
        (_, Network::Unruled) | (Network::Own, _) => true,
        (Network::Unruled | Network::Ruled(_), Network::Own) | (Network::Unruled, Network::Ruled(_)) => false,
        (Network::Ruled(in_force), Network::Ruled(wanted)) => egress(in_force, wanted),
    }
}

fn egress(in_force: &Egress, wanted: &Egress) -> bool {
    let open = match (&in_force.allowed, &wanted.allowed) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(in_force), Some(wanted)) => in_force.iter().all(|one| is_in(one, wanted)),
    };
    open && wanted.refused.iter().all(|one| is_in(one, &in_force.refused))
        && (wanted.listen || !in_force.listen)
        && (in_force.neighbours_closed || !wanted.neighbours_closed)
}

/// Whether a destination lies within one of these.
fn is_in(one: &Destination, all: &[Destination]) -> bool {
    all.iter().any(|other| {
        let ports = match (one.ports, other.ports) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some((first, last)), Some((low, high))) => low <= first && last <= high,
        };
        ports && other.prefix <= one.prefix && same_network(one, other)
    })
}

fn same_network(one: &Destination, wider: &Destination) -> bool {
    use std::net::IpAddr;
    let bits = u32::from(wider.prefix);
    match (one.address, wider.address) {
        (IpAddr::V4(one), IpAddr::V4(wider)) => {
            let differ = one.to_bits() ^ wider.to_bits();
            differ.checked_shr(32_u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(wider)) => {
            let differ = one.to_bits() ^ wider.to_bits();
            differ.checked_shr(128_u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// Whether each of these paths is one of those, or lies below one.
fn covered(these: &[String], those: &[String]) -> bool {
    these.iter().all(|path| those.iter().any(|other| Path::new(path).starts_with(other)))
}

#[cfg(test)]
mod tests;
