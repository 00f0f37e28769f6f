//! What the kernel of a machine can hold: plain data, probed once by the launcher (`portcullis_sys::host`), sent to the server
//! for its pages, judged by `portcullis_policy`.

use serde::{Deserialize, Serialize};

/// What the kernel of a machine can hold. The default is a machine that can hold nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Version of Landlock's interface.
    pub landlock: Option<u32>,
    /// Whether filters for system calls can be set.
    pub seccomp: bool,
    /// Whether a session can have mounts and processes of its own.
    pub namespaces: bool,
    /// Whether a session can have a network of its own.
    pub network_namespace: bool,
    /// Whether files in memory can be kept from being programs (`vm.memfd_noexec`, Linux 6.3).
    pub memfd_noexec: bool,
    /// Whether connections of a control group can be ruled.
    pub connections: bool,
    /// Whether listeners of other people's sessions can be told from the machine's own.
    pub neighbours: bool,
    /// Why connections can't be ruled, as far as it is known; empty where they can.
    pub no_connections: String,
    /// 2 for the unified hierarchy of control groups, 1 for the older one, 0 for none.
    pub cgroup: u8,
    /// Whether a control group can be ended at once (`cgroup.kill`).
    pub cgroup_kill: bool,
    /// Controllers that can limit sessions (`memory`, `pids`, `cpu`), of either version.
    pub controllers: Vec<String>,
    /// Whether the kernel's audit system can be used: what it refuses, and programs where nothing else tells them.
    pub audit: bool,
    /// Whether programs that are started can be told by a program in the kernel (BPF).
    pub executions: bool,
    /// Whether accounts other than root may make user namespaces.
    pub user_namespaces: bool,
    /// What kind of container this machine is.
    pub container: Option<String>,
}

impl HostFacts {
    /// Whether a controller can limit sessions.
    pub fn controls(&self, controller: &str) -> bool {
        self.controllers.iter().any(|known| known == controller)
    }
}
