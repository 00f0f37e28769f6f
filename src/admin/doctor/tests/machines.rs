//! What is said of machines of all kinds: which flag holds at which level, what is missing, and what to do.

use portcullis_model::session::Ide;
use portcullis_policy::levels::HostFacts;

use super::super::levels::{lines, minimums};
use super::super::report::kernel;
use super::*;
use crate::check::Outcome;

fn rich() -> HostFacts {
    HostFacts {
        landlock: Some(7),
        seccomp: true,
        namespaces: true,
        network_namespace: true,
        memfd_noexec: true,
        connections: true,
        neighbours: true,
        cgroup: 2,
        cgroup_kill: true,
        controllers: ["cpu", "memory", "pids"].map(str::to_owned).into(),
        audit: true,
        executions: true,
        user_namespaces: true,
        ..HostFacts::default()
    }
}

fn settings(rsession: &str, portcullis: &str) -> Settings {
    let files = [("rsession.conf", rsession), ("portcullis.conf", portcullis)];
    load(&Sources::new("/c", files.map(|(name, text)| (name.to_owned(), text.to_owned())))).settings
}

const STRICT: &str = "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1\n";

fn level(settings: &Settings, flag: &str, host: &HostFacts) -> (&'static str, String) {
    let all = lines(Some(settings), &Ide::BUILT_IN, host);
    let line = all.into_iter().find(|line| line.flag == flag).expect("a flag");
    let levels: Vec<_> = line.ides.iter().map(|cell| cell.level).collect();
    assert!(levels.iter().all(|level| *level == levels[0]), "{flag}: {levels:?}");
    (levels[0], line.ides[0].stronger.clone())
}

#[test]
fn each_kind_of_machine_has_its_levels() {
    let strict = settings(STRICT, "");
    for version in 1..=9 {
        let host = HostFacts { landlock: Some(version), ..rich() };
        for flag in ["allow-shell", "restrict-directory-view"] {
            assert_eq!(level(&strict, flag, &host), ("kernel", String::new()), "Landlock {version}");
        }
    }
    let container = HostFacts { namespaces: false, audit: false, container: Some("docker".into()), ..rich() };
    let (fallen, hint) = level(&strict, "allow-shell", &container);
    assert_eq!(fallen, "proxy");
    assert!(hint.contains("CAP_SYS_ADMIN"), "{hint}");
    assert_eq!(level(&strict, "restrict-directory-view", &HostFacts::default()).0, "proxy");
    assert_eq!(level(&strict, "allow-file-uploads", &rich()).0, "proxy");
    let packages = settings("allow-shell=0\n", "");
    let (fallen, hint) = level(&packages, "allow-shell", &rich());
    assert_eq!(fallen, "proxy");
    assert!(hint.contains("allow-package-installation=0"), "{hint}");
}

#[test]
fn a_demanded_level_of_the_kernels_is_reached_where_it_is() {
    let demanding = settings(STRICT, "minimum-level=allow-shell:kernel restrict-directory-view:kernel\n");
    let outcomes = |host: &HostFacts| {
        let found = minimums(&demanding, &Ide::BUILT_IN, host);
        found.iter().map(|check| check.outcome == Outcome::Pass).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&rich()), [true]);
    let old = outcomes(&HostFacts { landlock: None, ..rich() });
    assert!(!old.is_empty() && !old.contains(&true));
}

#[test]
fn what_is_missing_is_said_with_what_falls_and_what_to_do() {
    let full = kernel(&rich());
    assert!(!full.contains("missing") && !full.contains("hint:"), "{full}");
    let bare = kernel(&HostFacts::default());
    assert!(!bare.contains("  here "), "{bare}");
    for text in [
        "falls without it",
        "restrict-directory-view",
        "session-network",
        "max-memory-mb",
        "audit-programs",
        "lsm=",
    ] {
        assert!(bare.contains(text), "{text}\n{bare}");
    }
    let old = kernel(&HostFacts { landlock: Some(1), ..rich() });
    assert!(old.contains("version 1: files can't be moved") && old.contains("Linux 6.15"), "{old}");
    let no_groups = kernel(&HostFacts { cgroup: 0, controllers: Vec::new(), ..rich() });
    assert!(
        no_groups.contains("no control groups are mounted") && no_groups.contains("max-processes"),
        "{no_groups}"
    );
    for line in [full, bare, old, no_groups].iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= crate::layout::WIDTH, "{line}");
    }
}
