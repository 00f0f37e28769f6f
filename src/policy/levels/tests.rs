use portcullis_conf::{Settings, Sources, load};

use super::*;
use crate::flag;
use crate::sandbox::tests::rich;

fn settings(rsession: &str, portcullis: &str) -> Settings {
    let files = [("rsession.conf", rsession), ("portcullis.conf", portcullis)];
    load(&Sources::new("/c", files.map(|(name, text)| (name.to_owned(), text.to_owned())))).settings
}

fn held(rsession: &str, portcullis: &str, host: &HostFacts) -> Held {
    let (settings, anna) = (settings(rsession, portcullis), "anna".parse().expect("a name"));
    Held::of(&settings, &Flags::resolve(&settings, &anna, &[]), &anna, &[], host)
}

fn ides() -> Vec<Ide> {
    let app = Ide::from_word("shiny").expect("an application");
    Ide::BUILT_IN.into_iter().chain([app]).collect()
}

/// As strict as these two flags get.
const STRICT: &str = "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1\n";

#[test]
fn every_flag_has_a_level_and_a_reason_in_every_ide() {
    let mut counted = 0;
    for ide in ides() {
        for about in flag::ALL {
            for held in [Held::default(), held(STRICT, "", &HostFacts::default()), held(STRICT, "", &rich())]
            {
                let found = level(ide, about, &held);
                assert!(!found.reason.is_empty() && !found.reason.ends_with('.'), "{ide} {}", about.name);
                assert!(found.applies || found.level == Level::None, "{ide} {}", about.name);
                let raisable = found.applies && found.level < Level::Kernel;
                assert_eq!(raisable, !found.raise.is_empty(), "{ide} {}", about.name);
                counted += 1;
            }
        }
    }
    assert_eq!(counted, ides().len() * flag::ALL.len() * 3);
}

#[test]
fn without_the_kernel_what_requests_are_refused_for_holds_at_the_proxy_and_nothing_else_does() {
    for ide in ides() {
        for about in flag::ALL.into_iter().filter(|about| about.concerns.includes(ide)) {
            let found = level(ide, about, &held(STRICT, "", &HostFacts::default())).level;
            assert_eq!(found == Level::Proxy, about.unheld.is_none(), "{ide} {}", about.name);
            assert_eq!(found == Level::Ide, about.unheld.is_some() && about.switch(ide).is_some());
        }
    }
}

#[test]
fn the_kernel_holds_shell_and_folders_and_no_other_flag() {
    let full = held(STRICT, "", &rich());
    let names: Vec<_> = flag::ALL
        .into_iter()
        .filter(|about| level(Ide::Rstudio, about, &full).level == Level::Kernel)
        .map(|about| about.name)
        .collect();
    assert_eq!(names, ["allow-shell", "restrict-directory-view"]);
    let shut = held(STRICT, "session-network=none\n", &rich());
    for about in [&flag::PUBLISH, &flag::EXTERNAL_PUBLISH] {
        assert_eq!(level(Ide::Jupyter, about, &shut).level, Level::Kernel, "nothing leaves the machine");
        assert_eq!(
            level(Ide::Jupyter, about, &held(STRICT, "session-network=loopback\n", &rich())).level,
            Level::Proxy
        );
    }
}

/// A machine, and whether `allow-shell` and `restrict-directory-view` are the kernel's there.
type Case = (&'static str, fn(&mut HostFacts), bool, bool);

const CASES: [Case; 12] = [
    ("everything", |_| {}, true, true),
    ("no Landlock", |host| host.landlock = None, false, false),
    ("Landlock 1", |host| host.landlock = Some(1), true, true),
    ("Landlock 9", |host| host.landlock = Some(9), true, true),
    ("no namespaces", |host| host.namespaces = false, false, false),
    ("no filters", |host| host.seccomp = false, false, true),
    (
        "Landlock 2 and no filters: truncation is open",
        |host| (host.landlock, host.seccomp) = (Some(2), false),
        false,
        false,
    ),
    ("Landlock 3 and no filters", |host| (host.landlock, host.seccomp) = (Some(3), false), false, true),
    ("no control groups", |host| (host.cgroup, host.controllers) = (0, Vec::new()), true, true),
    ("no audit", |host| host.audit = false, true, true),
    ("no rules on connections", |host| host.connections = false, true, true),
    ("a kernel before 6.3", |host| host.memfd_noexec = false, true, true),
];

#[test]
fn each_layer_that_is_missing_lowers_what_needs_it() {
    for (name, change, shell, folders) in CASES {
        let mut host = rich();
        change(&mut host);
        let held = held(STRICT, "", &host);
        for ide in ides() {
            for (about, wanted) in [(&flag::SHELL, shell), (&flag::DIRECTORIES, folders)] {
                let found = level(ide, about, &held);
                let wanted = if wanted { Level::Kernel } else { Level::Proxy };
                assert_eq!(found.level, wanted, "{name}: {} in {ide}: {}", about.name, found.reason);
                assert_eq!(found.reason.contains("not in the kernel"), wanted == Level::Proxy, "{name}");
            }
        }
    }
}

#[test]
fn a_configuration_lowers_it_too_and_says_how_to_raise_it() {
    let shell = |rsession: &str, portcullis: &str| {
        level(Ide::Jupyter, &flag::SHELL, &held(rsession, portcullis, &rich()))
    };
    let open = shell("allow-shell=0\n", "");
    assert_eq!(open.level, Level::Proxy);
    assert!(open.raise.contains("allow-package-installation=0"), "{}", open.raise);
    let off = shell(STRICT, "session-sandbox=off\n");
    assert_eq!(off.level, Level::Proxy);
    assert!(
        off.reason.contains("portcullis.conf:1") && off.raise.contains("session-sandbox=auto"),
        "{off:?}"
    );
}

#[test]
fn a_minimum_of_the_kernels_is_reached_or_not() {
    let demanded = [("allow-shell".to_owned(), Level::Kernel)];
    let weak = |rsession: &str, host: &HostFacts| {
        let settings = settings(rsession, "");
        let flags = Flags::resolve(&settings, &"anna".parse().expect("a name"), &[]);
        too_weak(Ide::Jupyter, &flags, &demanded, &held(rsession, "", host)).map(|weak| (weak.flag, weak.got))
    };
    assert_eq!(weak(STRICT, &rich()), None);
    assert_eq!(weak(STRICT, &HostFacts::default()), Some(("allow-shell", Level::Proxy)));
    assert_eq!(weak("allow-shell=0\n", &rich()), Some(("allow-shell", Level::Proxy)), "packages are open");
    assert_eq!(weak("", &HostFacts::default()), None, "it restricts nobody");
}

#[test]
fn the_weakest_of_several_ides_is_what_can_be_promised() {
    let none = Held::default();
    assert_eq!(weakest(ides(), &flag::SHELL, &none), Some(Level::Proxy));
    assert_eq!(weakest([Ide::Jupyter], &flag::PRESENTATION_COMMANDS, &none), None);
    assert_eq!(weakest(ides(), &flag::OVER_LIMIT, &none), Some(Level::None));
    assert_eq!(weakest(ides(), &flag::DIRECTORIES, &held(STRICT, "", &rich())), Some(Level::Kernel));
}
