//! The kernel's features as the policy's facts, and in words.

use portcullis_policy::levels::HostFacts;
use portcullis_sys::cgroup::Hierarchies;
use portcullis_sys::host::probe;

/// What the policy wants to know of this machine.
pub(crate) fn facts() -> HostFacts {
    let found = probe(&Hierarchies::find());
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
        user_namespaces: found.user_namespaces,
        container: found.container,
    }
}

/// Name and state of each feature.
pub(super) fn words(facts: &HostFacts) -> Vec<(&'static str, String)> {
    let here = |there: bool| if there { "here" } else { "not here" }.to_owned();
    let controllers = if facts.controllers.is_empty() {
        "no controllers for this process's group".to_owned()
    } else {
        format!("controllers {}", facts.controllers.join(", "))
    };
    let cgroup = match facts.cgroup {
        0 => "not here".to_owned(),
        version => format!("version {version}, {controllers}"),
    };
    let landlock =
        facts.landlock.map_or_else(|| here(false), |version| format!("version {version} of its interface"));
    vec![
        ("Landlock", landlock),
        ("control groups", cgroup),
        ("seccomp filters", here(facts.seccomp)),
        ("user namespaces for accounts", here(facts.user_namespaces)),
        ("kernel audit", here(facts.audit)),
        ("container", facts.container.clone().unwrap_or_else(|| "none that can be told".to_owned())),
    ]
}
