//! The kernel's features as the policy's facts, and in words.

use portcullis_policy::levels::HostFacts;
use portcullis_policy::sandbox::{Found, layers};
use portcullis_sys::cgroup::Hierarchies;
use serde::Serialize;

/// What the policy wants to know of this machine.
pub(crate) fn facts() -> HostFacts {
    portcullis_wire::host::facts(&Hierarchies::find())
}

/// A layer of the kernel's, as it is shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub name: &'static str,
    pub here: bool,
    pub state: String,
    /// What it holds, and so what falls without it.
    pub holds: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// Every layer, here or not.
pub(super) fn shown(facts: &HostFacts) -> Vec<Shown> {
    let shown = |found: Found| {
        let Found { here, name, holds, state, hint, .. } = found;
        Shown { name, here, state, holds, hint }
    };
    layers(facts).into_iter().map(shown).collect()
}

/// What else is worth knowing of the kernel.
pub(super) fn words(facts: &HostFacts) -> Vec<(&'static str, String)> {
    let namespaces = if facts.user_namespaces {
        "may be made, but not in sessions: the filter for system calls closes them"
    } else {
        "may not be made"
    };
    let memory = if facts.memfd_noexec {
        "by the kernel's own switch (`vm.memfd_noexec`)"
    } else {
        "by the filter for system calls alone: the switch `vm.memfd_noexec` came with Linux 6.3"
    };
    vec![
        (
            "control groups",
            if facts.cgroup == 0 { "none".to_owned() } else { format!("version {}", facts.cgroup) },
        ),
        ("user namespaces", namespaces.to_owned()),
        ("programs in memory are closed", memory.to_owned()),
        ("container", facts.container.clone().unwrap_or_else(|| "none that can be told".to_owned())),
    ]
}
