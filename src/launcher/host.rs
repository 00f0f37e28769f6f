//! What this machine's kernel can hold: found out once, at the start.

use portcullis_model::host::HostFacts;
use portcullis_sys::cgroup::Hierarchies;
use portcullis_sys::host::probe;

/// Looks and tries; nothing of it lasts.
pub(crate) fn facts(groups: &Hierarchies) -> HostFacts {
    let found = probe(groups);
    HostFacts {
        landlock: found.landlock,
        seccomp: found.seccomp,
        namespaces: found.namespaces,
        network_namespace: found.network_namespace,
        memfd_noexec: found.memfd_noexec,
        connections: found.connections,
        neighbours: found.neighbours,
        no_connections: found.no_connections,
        cgroup: found.cgroup,
        cgroup_kill: found.cgroup_kill,
        controllers: found.controllers,
        audit: found.audit,
        executions: found.executions,
        user_namespaces: found.user_namespaces,
        container: found.container,
    }
}
