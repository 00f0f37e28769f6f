//! What the kernel of this machine can hold, as the launcher tells the server and the administrator's command says it.
//!
//! Here because nothing below knows both sides: what is found (`portcullis_sys`) and what is told (`portcullis_model`).

use portcullis_model::host::HostFacts;
use portcullis_sys::cgroup::Hierarchies;
use portcullis_sys::host::{Host, probe};

/// Looks and tries; nothing of it lasts.
pub fn facts(groups: &Hierarchies) -> HostFacts {
    told(probe(groups))
}

/// Field by field, without a rest: a new one that is forgotten doesn't compile.
fn told(found: Host) -> HostFacts {
    let Host {
        landlock,
        seccomp,
        namespaces,
        network_namespace,
        memfd_noexec,
        cgroup,
        cgroup_kill,
        controllers,
        connections,
        neighbours,
        no_connections,
        audit,
        executions,
        user_namespaces,
        container,
    } = found;
    HostFacts {
        landlock,
        seccomp,
        namespaces,
        network_namespace,
        memfd_noexec,
        connections,
        neighbours,
        no_connections,
        cgroup,
        cgroup_kill,
        controllers,
        audit,
        executions,
        user_namespaces,
        container,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_found_is_told() {
        let found = Host {
            landlock: Some(7),
            seccomp: true,
            namespaces: true,
            network_namespace: true,
            memfd_noexec: true,
            cgroup: 2,
            cgroup_kill: true,
            controllers: vec!["cpu".into()],
            connections: true,
            neighbours: true,
            no_connections: "why".into(),
            audit: true,
            executions: true,
            user_namespaces: true,
            container: Some("docker".into()),
        };
        // Both say the same of the same names, whatever their order.
        let words = |text: String| {
            let mut words: Vec<_> =
                text.split_once(" {").map(|(_, rest)| rest.replace('}', "")).into_iter().collect();
            words =
                words.iter().flat_map(|rest| rest.split(", ")).map(|word| word.trim().to_owned()).collect();
            words.sort_unstable();
            words
        };
        assert_eq!(words(format!("{:?}", told(found.clone()))), words(format!("{found:?}")));
        assert_eq!(told(Host::default()), HostFacts::default());
    }
}
