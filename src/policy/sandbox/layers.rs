//! The layers that a session is confined by: what each does, whether a machine has it, and what to do where it hasn't.

use portcullis_model::host::HostFacts;

use super::Fallen;

/// A layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Landlock: files and programs.
    Files,
    /// Namespaces: mounts, processes and temporary files of a session's own.
    View,
    /// Filters for system calls.
    Calls,
    /// A network of a session's own.
    OwnNetwork,
    /// Rules on connections.
    Connections,
    /// The controller of memory.
    Memory,
    /// The controller of processes.
    Processes,
    /// The controller of processor time.
    Processors,
    /// The end of a session in one act.
    End,
    /// The kernel's record of programs.
    Log,
}

/// A layer on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which.
    pub layer: Layer,
    /// Whether the machine has it.
    pub here: bool,
    /// What it is, as a kernel's documentation calls it.
    pub name: &'static str,
    /// What it holds.
    pub holds: &'static str,
    /// How much of it is there, or why none is.
    pub state: String,
    /// What to do to have it, or more of it; empty where nothing is to be done.
    pub hint: String,
}

/// All layers on a machine, in the order they are shown.
pub fn layers(host: &HostFacts) -> Vec<Found> {
    Layer::ALL.into_iter().map(|layer| layer.found(host)).collect()
}

const IN_CONTAINER: &str = "give the container CAP_SYS_ADMIN, or run the daemon on the machine itself";

impl Layer {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 10] = [
        Self::Files,
        Self::View,
        Self::Calls,
        Self::OwnNetwork,
        Self::Connections,
        Self::Memory,
        Self::Processes,
        Self::Processors,
        Self::End,
        Self::Log,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "Landlock",
            Self::View => "namespaces",
            Self::Calls => "seccomp filters",
            Self::OwnNetwork => "network namespaces",
            Self::Connections => "rules on connections (BPF)",
            Self::Memory => "controller of memory",
            Self::Processes => "controller of processes",
            Self::Processors => "controller of processor time",
            Self::End => "cgroup.kill",
            Self::Log => "record of programs",
        }
    }

    /// What it holds.
    pub const fn holds(self) -> &'static str {
        match self {
            Self::Files => {
                "`restrict-directory-view`, and together with namespaces `allow-shell`, for code too"
            }
            Self::View => {
                "`/tmp` and processes of a session's own; no service outside starts programs for it"
            }
            Self::Calls => "what no IDE needs of the kernel",
            Self::OwnNetwork => "`session-network=none`",
            Self::Connections => {
                "`session-network`, addresses of clouds' credentials, ports of other sessions"
            }
            Self::Memory => "`max-memory-mb`, `user-max-memory-mb`",
            Self::Processes => "`max-processes`, `user-max-processes`",
            Self::Processors => "`max-processor-percent`, `user-max-processor-percent`",
            Self::End => "the end of all processes of a session at once",
            Self::Log => {
                "`audit-programs`: every program that is started, and what the kernel refuses, in the audit log"
            }
        }
    }

    /// Whether a machine has it, and what to do.
    pub fn found(self, host: &HostFacts) -> Found {
        let (here, state, hint) = self.looked_at(host);
        Found { layer: self, here, name: self.name(), holds: self.holds(), state, hint }
    }

    /// As a layer that was wanted for `effect`.
    pub(super) fn fallen(self, host: &HostFacts, effect: String) -> Fallen {
        let found = self.found(host);
        Fallen { layer: self, effect, why: format!("{}: {}", found.name, found.state), hint: found.hint }
    }

    fn looked_at(self, host: &HostFacts) -> (bool, String, String) {
        match self {
            Self::Files => landlock(host.landlock),
            Self::View => own(host.namespaces, host, "mounts and processes of a session's own can't be made"),
            Self::OwnNetwork => {
                own(host.network_namespace, host, "a network of a session's own can't be made")
            }
            Self::Calls => plain(
                host.seccomp,
                "this kernel has none",
                "use a kernel with CONFIG_SECCOMP_FILTER, as every distribution's",
            ),
            Self::Connections => {
                let why = if host.no_connections.is_empty() {
                    "no program for connections can be loaded or attached to a control group"
                } else {
                    &host.no_connections
                };
                plain(
                    host.connections,
                    why,
                    "mount cgroup v2 and use a kernel with CONFIG_CGROUP_BPF; in a container, give it CAP_BPF and CAP_NET_ADMIN",
                )
            }
            Self::Memory => controller(host, "memory"),
            Self::Processes => controller(host, "pids"),
            Self::Processors => controller(host, "cpu"),
            Self::End => plain(
                host.cgroup_kill,
                "processes are looked for and ended one by one",
                "use Linux 5.14 or newer with cgroup v2 mounted writable",
            ),
            Self::Log => log(host),
        }
    }
}

fn plain(here: bool, why: &str, hint: &str) -> (bool, String, String) {
    if here { (true, "here".to_owned(), String::new()) } else { (false, why.to_owned(), hint.to_owned()) }
}

fn own(here: bool, host: &HostFacts, why: &str) -> (bool, String, String) {
    let hint = if host.container.is_some() {
        IN_CONTAINER
    } else {
        "ask as root, on a kernel with namespaces; where a service manager starts the daemon, don't take CAP_SYS_ADMIN from it"
    };
    plain(here, why, hint)
}

fn controller(host: &HostFacts, name: &str) -> (bool, String, String) {
    if host.controls(name) {
        return (true, format!("here, by cgroup v{}", host.cgroup.max(1)), String::new());
    }
    let why = match host.cgroup {
        0 => "no control groups are mounted".to_owned(),
        version => format!("the controller `{name}` of cgroup v{version} is not given to this daemon"),
    };
    let hint = "mount it writable, and have it delegated (`Delegate=yes` in the unit)";
    (false, why, hint.to_owned())
}

/// Programs are told by BPF or, at the cost of every system call, by the kernel's audit system; what is refused by that alone.
fn log(host: &HostFacts) -> (bool, String, String) {
    let whose = match &host.container {
        Some(kind) => {
            format!("it answers to the machine's first namespaces only, and this is a container ({kind})")
        }
        None => "it doesn't answer".to_owned(),
    };
    let audit = "run the daemon on the machine itself, on a kernel with CONFIG_AUDITSYSCALL, not started with `audit=0`";
    let bpf = "use Linux 5.8 or newer with CONFIG_DEBUG_INFO_BTF, as most distributions'";
    match (host.executions, host.audit) {
        (true, true) => plain(true, "", ""),
        (true, false) => {
            let state = format!(
                "programs; what Landlock and seccomp refuse isn't recorded by the kernel's audit system: {whose}"
            );
            (true, state, audit.to_owned())
        }
        (false, true) => {
            let state = "by the kernel's audit system alone, which costs every system call".to_owned();
            (true, state, bpf.to_owned())
        }
        (false, false) => {
            let state = format!("neither by BPF nor by the kernel's audit system: {whose}");
            (false, state, format!("{bpf}; or {audit}"))
        }
    }
}

/// What each version of Landlock's interface lacks that a later one has, and the kernel that brought that one.
const LACKING: [(u32, &str, &str); 6] = [
    (2, "5.19", "files can't be moved between folders (they are copied)"),
    (3, "6.2", "truncation by name isn't ruled by it; the filter for system calls closes that instead"),
    (4, "6.7", "connections aren't ruled by it; control groups do"),
    (5, "6.10", "control calls of devices aren't ruled by it"),
    (6, "6.12", "abstract sockets and signals aren't kept in by it; namespaces keep signals in"),
    (7, "6.15", "what it refuses isn't recorded by the kernel"),
];

fn landlock(version: Option<u32>) -> (bool, String, String) {
    let Some(version) = version else {
        let why = "this kernel hasn't got it, or has it switched off";
        let hint =
            "use Linux 5.13 or newer, with `landlock` in the kernel's parameter `lsm=` where that is given";
        return (false, why.to_owned(), hint.to_owned());
    };
    let lacking: Vec<_> = LACKING.iter().filter(|(brought, ..)| version < *brought).collect();
    let state = match lacking.as_slice() {
        [] => format!("version {version}"),
        list => {
            let words: Vec<&str> = list.iter().map(|(_, _, lacks)| *lacks).collect();
            format!("version {version}: {}", words.join("; "))
        }
    };
    let hint =
        lacking.last().map_or_else(String::new, |(_, kernel, _)| format!("Linux {kernel} has all of it"));
    (true, state, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_says_what_it_holds_and_what_to_do_where_it_is_missing() {
        let bare = HostFacts::default();
        for found in layers(&bare) {
            assert!(!found.here && !found.state.is_empty() && !found.hint.is_empty(), "{found:?}");
            assert!(!found.holds.is_empty() && !found.hint.ends_with('.'), "{found:?}");
        }
        let rich = crate::sandbox::tests::rich();
        for found in layers(&rich) {
            assert!(found.here && found.hint.is_empty(), "{found:?}");
        }
    }

    #[test]
    fn each_version_of_landlock_says_what_it_lacks() {
        let mut last = usize::MAX;
        for version in 1..=9 {
            let (here, state, hint) = landlock(Some(version));
            let lacking = state.matches(';').count() + usize::from(state.contains(": "));
            assert!(here && lacking <= last, "{version}: {state}");
            assert_eq!(hint.is_empty(), version >= 7, "{version}");
            last = lacking;
        }
        assert!(landlock(Some(1)).1.contains("copied") && !landlock(Some(2)).1.contains("copied"));
        assert!(!landlock(None).0);
    }

    #[test]
    fn a_container_is_told_what_a_container_can_do() {
        let inside = HostFacts { container: Some("docker".into()), ..HostFacts::default() };
        assert!(Layer::View.found(&inside).hint.contains("CAP_SYS_ADMIN"));
        assert!(Layer::Log.found(&inside).state.contains("docker"));
    }
}
